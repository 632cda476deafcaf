"""One file of a repository, as the folder or the archive shows it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

CONFIG_NAME = "config.pbtxt"

HEAD_BYTES = 8
"""Of each file: enough to know a program by its first bytes."""


@dataclass(frozen=True)
class Entry:
    """A regular file at `path`, of exactly `size` bytes; `chunks` gives its bytes once.

    A folder has no bytes, and a path that ends with `/`.
    """

    path: str
    size: int
    chunks: Callable[[], Iterator[bytes]]

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.path.endswith("/")
