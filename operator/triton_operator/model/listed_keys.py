"""The keys below a prefix in a bucket as the files of a folder.

A bucket has no folders: `a//b`, `a/./b` and `a/../b` are keys like any other. As paths they would
be one and the same, or lie elsewhere, so they are refused before a file is read.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused, SourceRefused
from triton_operator.model.limits import RepositoryLimits
from triton_operator.model.receiving import Deadline

PAGE_BYTES = 8 << 20
"""A thousand keys of 1,024 bytes, each byte quoted, and what a store adds to each."""

_MOST_PAGES = 100
"""A page may be short or empty, and still say that there are more."""


@contextmanager
def listing_rights(right: str) -> Iterator[None]:
    """Say that a folder needs one more right than a file, where a store refuses."""
    try:
        yield
    except SourceRefused as error:
        failure = error.failure
        if failure.reason != reasons.SOURCE_FORBIDDEN:
            raise
        raise SourceRefused(
            failure.reason, f"{failure.message}; a folder needs the right to list it ({right})"
        ) from error


@dataclass(frozen=True)
class ListingBounds:
    """How much of a listing is taken."""

    most_files: int
    most_bytes: int
    """Of all files together, as the store states their sizes."""
    deadline: Deadline


@dataclass(frozen=True)
class Page:
    """Part of a listing: keys with their sizes in bytes, and what to ask for the next page."""

    sizes: Iterable[tuple[str, int]]
    next: str | None


@dataclass
class ListedKeys:
    """Collects what is below `prefix`, which ends with a slash; `name` is the folder's address."""

    prefix: str
    name: str
    bounds: ListingBounds
    paths: list[str] = field(default_factory=list)
    _keys: int = 0
    _bytes: int = 0

    def read(self, page: Callable[[str | None], Page]) -> list[str]:
        """All paths, relative to the folder; `page` asks the store for one page.

        Raises:
            ModelRefused: `RepositoryRefused`, `ModelTooLarge`.
            SourceRefused: `SourceNotFound` for nothing at all, `SourceMisbehaves`.
            ModelFailure: as `page`.
        """
        token: str | None = None
        for _ in range(_MOST_PAGES):
            found = page(token)
            for key, size in found.sizes:
                self._add(key, size)
            if found.next is None:
                return self._complete()
            token = found.next
        raise self._misbehaves(f"it has more than {_MOST_PAGES} pages")

    def _complete(self) -> list[str]:
        if not self.paths:
            raise SourceRefused(
                reasons.SOURCE_NOT_FOUND,
                f"there is no object below {self.name}; correct the address, or upload the folder",
            )
        return self.paths

    def _add(self, key: str, size: int) -> None:
        self._keys += 1
        if self._keys > RepositoryLimits().entries:
            raise ModelRefused(
                reasons.REPOSITORY_REFUSED,
                f"{self.name} has more than {RepositoryLimits().entries:,} objects; pack it into "
                "a .tar.gz, which is one",
            )
        if not key.startswith(self.prefix) or size < 0:
            raise self._misbehaves("it lists what was not asked for")
        path = key.removeprefix(self.prefix)
        if (not path or path.endswith("/")) and not size:
            # What consoles of stores make, so that an empty folder can be seen.
            return
        if not {"", ".", ".."}.isdisjoint(path.split("/")):
            raise ModelRefused(
                reasons.REPOSITORY_REFUSED,
                f"the object '{path[:200]}' below {self.name} has nothing, '.' or '..' between two "
                "slashes, which cannot be a path; rename or remove it",
            )
        self.paths.append(path)
        self._bytes += size
        if len(self.paths) > self.bounds.most_files:
            raise ModelRefused(
                reasons.REPOSITORY_REFUSED,
                f"{self.name} has more than {self.bounds.most_files} files; pack it into a "
                ".tar.gz, which is one",
            )
        if self._bytes > self.bounds.most_bytes:
            raise ModelRefused(
                reasons.MODEL_TOO_LARGE,
                f"the files below {self.name} have {self._bytes} bytes or more; "
                f"{self.bounds.most_bytes} are allowed",
            )

    def _misbehaves(self, what: str) -> SourceRefused:
        return SourceRefused(
            reasons.SOURCE_MISBEHAVES, f"the store's listing of {self.name} is unusable: {what}"
        )
