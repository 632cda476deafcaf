"""Sources that can say which files are at their address, and not only give one of them."""

from typing import Protocol, runtime_checkable

from triton_operator.model import reasons
from triton_operator.model.errors import SourceRefused
from triton_operator.model.listed_keys import ListingBounds
from triton_operator.model.sources import Source


@runtime_checkable
class ListingSource(Protocol):
    """A source whose address may be a folder.

    `read(path, into)` of such a source takes each path that `files` gives.
    """

    def files(self, bounds: ListingBounds) -> list[str]:
        """Paths of all files below the address, relative to it.

        Names are as the store has them: the caller checks them before it uses them as paths.

        Raises:
            ModelRefused: more than `bounds`, or something that is no regular file.
            SourceRefused, SourceUnavailable: it cannot be listed, for good or for now.
        """


def listed(source: Source, bounds: ListingBounds) -> list[str]:
    """The files at a source's address.

    Raises:
        SourceRefused: `UnsupportedSource`, for a store that cannot list folders.
        ModelFailure: as `ListingSource.files`.
    """
    if not isinstance(source, ListingSource):
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE,
            "folders cannot be listed at this kind of address; pack the repository and give the "
            "address of the .tar.gz, .tar or .zip",
        )
    return source.files(bounds)
