"""Write the entries of an archive into a folder: all of them, or some, with holes for the rest."""

import os
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed
from triton_operator.model.limits import RepositoryLimits
from triton_operator.model.repository.archive import archive_entries

FOLDER_MODE = 0o755
FILE_MODE = 0o644
"""Triton may run as another user than the one that fetches."""


def unpack(archive: Path, tree: Path, most_bytes: int, only: Collection[str] | None = None) -> None:
    """Fill the folder `tree`, which exists. Files that are not in `only` have size but no bytes.

    Raises:
        ModelRefused: as `archive_entries`.
        WorkFailed: `WriteFailed`.
    """
    with archive_entries(archive, RepositoryLimits(), most_bytes) as entries:
        for entry in entries:
            try:
                if entry.is_folder:
                    folder_for(tree, f"{entry.path}x")
                    continue
                folder_for(tree, entry.path)
                descriptor = os.open(
                    tree / entry.path,
                    os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW,
                    FILE_MODE,
                )
                stream = os.fdopen(descriptor, "wb")
            except OSError as error:
                raise not_writable(tree, error) from error
            with stream:
                os.fchmod(descriptor, FILE_MODE)
                if only is not None and entry.path not in only:
                    os.truncate(descriptor, entry.size)
                    continue
                for chunk in entry.chunks():
                    _write(stream, chunk, tree)


def folder_for(tree: Path, path: str) -> None:
    """Make the folders in which the file `path` will be."""
    folder = tree
    for part in PurePosixPath(path).parent.parts:
        folder = folder / part
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def not_writable(path: Path, error: OSError) -> WorkFailed:
    """The failure for a volume that is full or not writable."""
    return WorkFailed(
        reasons.WRITE_FAILED,
        f"{path} cannot be written: {error.strerror} ({error.filename or path}); the volume for "
        "the model must be writable and large enough",
        retryable=True,
    )


def _write(stream: BinaryIO, chunk: bytes, tree: Path) -> None:
    # Apart from reading: an error of the volume is not one of the archive.
    try:
        stream.write(chunk)
        stream.flush()
    except OSError as error:
        raise not_writable(tree, error) from error
