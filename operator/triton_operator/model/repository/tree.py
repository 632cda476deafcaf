"""The entries of a repository in a folder."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from triton_operator.model import reasons
from triton_operator.model.digest import CHUNK_BYTES
from triton_operator.model.errors import ModelRefused
from triton_operator.model.limits import RepositoryLimits
from triton_operator.model.repository.entry import Entry
from triton_operator.model.repository.paths import entry_path


def tree_entries(root: Path, limits: RepositoryLimits) -> Iterator[Entry]:
    """Every file and folder below `root`, sorted by path.

    Raises:
        ModelRefused: `RepositoryRefused` for a link, a device, a bad name, or too many.
        OSError: it cannot be read.
    """
    count = 0
    pending = [""]
    while pending:
        folder = pending.pop()
        if folder:
            yield Entry(f"{folder}/", 0, lambda: iter(()))
        below = []
        with os.scandir(root / folder) as rows:
            for row in rows:
                count += 1
                if count > limits.entries:
                    raise ModelRefused(
                        reasons.REPOSITORY_REFUSED,
                        f"the repository has more than {limits.entries:,} files and folders",
                    )
                below.append(row.name)
        folders = []
        for name in sorted(below):
            path = entry_path(f"{folder}/{name}" if folder else name, limits)
            found = (root / path).lstat()
            if stat.S_ISDIR(found.st_mode):
                folders.append(path)
            elif stat.S_ISREG(found.st_mode):
                yield Entry(path, found.st_size, _reader(root / path))
            else:
                raise ModelRefused(
                    reasons.REPOSITORY_REFUSED,
                    f"'{path}' in the repository is {_kind(found.st_mode)}; only regular files "
                    "are taken (cp -rL copies what links point to)",
                )
        pending += reversed(folders)


def _reader(path: Path) -> "_Reader":
    return _Reader(path)


class _Reader:
    """Reads a file in pieces; no link is followed, even one that appeared meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> Iterator[bytes]:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "a named pipe, a socket or a device"
