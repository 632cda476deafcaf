"""`pvc://CLAIM/PATH`: a file on a PersistentVolumeClaim that the pod has mounted read-only.

Whoever can write to the claim can put links there and change them at any time, so what counts is
where the opened file really is, not what its name looked like before.
"""

import errno
import os
import stat
from pathlib import Path, PurePosixPath

from triton_operator.model import reasons
from triton_operator.model.digest import CHUNK_BYTES, MODEL_FILE_NAME
from triton_operator.model.errors import (
    ModelFailure,
    ModelRefused,
    SourceRefused,
    SourceUnavailable,
)
from triton_operator.model.limits import RepositoryLimits
from triton_operator.model.listed_keys import ListingBounds
from triton_operator.model.receiving import Receiver
from triton_operator.model.repository.tree import tree_entries

_MOST_LISTED = 5


class PvcSource:
    """The model at `uri`, on the claim mounted at `root`.

    If the path is a folder, the model is its `model.onnx`.

    Raises:
        SourceRefused: `UnsupportedSource`, for an address without a claim or a path.
    """

    def __init__(self, uri: str, root: Path) -> None:
        claim, _, path = uri.partition("://")[2].partition("/")
        self._path = PurePosixPath(path.lstrip("/"))
        if not claim or not self._path.parts or ".." in self._path.parts:
            raise SourceRefused(
                reasons.UNSUPPORTED_SOURCE,
                f"'{uri}' needs a claim and a path inside it, without '..': pvc://CLAIM/PATH",
            )
        self._claim = claim
        self._root = root

    def read(self, path: str | None, into: Receiver) -> None:
        """Copy one file of the claim; see `Source.read`."""
        named = self._path
        if os.path.isdir(self._root / named):
            named = named / MODEL_FILE_NAME
        if path is not None:
            named = named.parent / path
        name = f"pvc://{self._claim}/{named}"
        try:
            descriptor = self._open(named, name)
            with os.fdopen(descriptor, "rb", buffering=0) as stream:
                into.expect(os.fstat(descriptor).st_size)
                while chunk := stream.read(CHUNK_BYTES):
                    into.write(chunk)
        except OSError as error:
            raise self._failure(error, named, name) from error

    def files(self, bounds: ListingBounds) -> list[str]:
        """All files below the folder; see `ListingSource.files`."""
        name = f"pvc://{self._claim}/{self._path}"
        root = self._root / self._path
        if not root.resolve().is_relative_to(self._root.resolve()):
            raise SourceRefused(
                reasons.SOURCE_FORBIDDEN,
                f"{name} is a link that leaves its volume; copy the folder into the volume",
            )
        if root.exists() and not root.is_dir():
            raise SourceRefused(
                reasons.SOURCE_NOT_FOUND,
                f"{name} is no folder, and its name does not end as that of an archive "
                "(.tar, .tar.gz, .tgz, .zip)",
            )
        found: list[str] = []
        total = 0
        try:
            for entry in tree_entries(root, RepositoryLimits()):
                if not entry.is_folder:
                    found.append(entry.path)
                total += entry.size
                if len(found) > bounds.most_files:
                    raise ModelRefused(
                        reasons.REPOSITORY_REFUSED,
                        f"{name} has more than {bounds.most_files} files; pack it into a .tar.gz, "
                        "which is one",
                    )
                if total > bounds.most_bytes:
                    raise ModelRefused(
                        reasons.MODEL_TOO_LARGE,
                        f"the files in {name} have {total} bytes or more; "
                        f"{bounds.most_bytes} are allowed",
                    )
        except OSError as error:
            raise self._failure(error, self._path, name) from error
        return found

    def _open(self, named: PurePosixPath, name: str) -> int:
        # O_NONBLOCK: opening a named pipe must not wait for somebody to write into it.
        descriptor = os.open(self._root / named, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            real = Path(f"/proc/self/fd/{descriptor}").resolve()
            if not real.is_relative_to(self._root.resolve()):
                raise SourceRefused(
                    reasons.SOURCE_FORBIDDEN,
                    f"{name} is a link that leaves its volume; copy the file into the volume",
                )
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SourceRefused(reasons.SOURCE_NOT_FOUND, f"{name} is no regular file")
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _failure(self, error: OSError, named: PurePosixPath, name: str) -> ModelFailure:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
            return SourceRefused(
                reasons.SOURCE_NOT_FOUND,
                f"there is no file {name}{self._neighbours(named)}; correct the path or upload it",
            )
        if error.errno in (errno.EACCES, errno.EPERM):
            return SourceRefused(
                reasons.SOURCE_FORBIDDEN,
                f"{name} may not be read by user {os.getuid()}, as which the pod runs; "
                "make the file and its folders readable for everyone",
            )
        return SourceUnavailable(
            reasons.SOURCE_UNAVAILABLE, f"{name} could not be read: {error.strerror}"
        )

    def _neighbours(self, named: PurePosixPath) -> str:
        """What is in the deepest folder of the path that exists: typing mistakes show at once."""
        for parent in named.parents:
            try:
                names = sorted(os.listdir(self._root / parent))
            except OSError:
                continue
            if not names:
                return f" (the folder '{parent}' of the claim is empty)"
            more = ", …" if len(names) > _MOST_LISTED else ""
            return f" (the folder '{parent}' of the claim has {', '.join(names[:5])}{more})"
        return f" (is the claim mounted at {self._root}?)"
