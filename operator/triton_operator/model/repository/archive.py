"""The entries of a repository in an archive: .tar, .tar.gz, .tgz or .zip.

Nothing is written here. What is refused is refused before its bytes are read: links and devices by
their type, bombs by the sizes that they state, and by the bytes that really come out.
"""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Literal
from urllib.parse import urlsplit

from triton_operator.model import reasons
from triton_operator.model.digest import CHUNK_BYTES
from triton_operator.model.errors import ModelRefused
from triton_operator.model.limits import RepositoryLimits
from triton_operator.model.repository.entry import Entry
from triton_operator.model.repository.paths import entry_path

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")

_PLAIN_ZIP = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Other methods take memory as the file says, not as we do."""

_EXTENDED_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
"""Of the pax format: long names, exact times."""


def archive_suffix(uri: str) -> str | None:
    """The suffix by which an address is that of an archive; None: it is a folder's."""
    path = urlsplit(uri).path.lower()
    # hf:// and others add a revision after the file.
    name = path.rsplit("/", 1)[-1].partition("@")[0]
    return next((suffix for suffix in reversed(SUFFIXES) if name.endswith(suffix)), None)


@contextmanager
def archive_entries(
    file: Path, limits: RepositoryLimits, most_bytes: int
) -> Iterator[Iterator[Entry]]:
    """The entries in the order of the archive; each one's bytes are read before the next one.

    What comes out is at most `most_bytes`, and at most `limits.ratio` times the archive.

    Raises:
        ModelRefused: `ArchiveRefused`, `RepositoryRefused`, `ModelTooLarge`.
    """
    budget = _Budget(file.stat().st_size, limits, most_bytes)
    try:
        begins = _first_bytes(file)
        if begins == b"PK":
            with zipfile.ZipFile(file) as archive:
                yield _zip_entries(archive, limits, budget)
        else:
            # Named and not guessed: tarfile also knows methods that take memory as the file says.
            mode: Literal["r:gz", "r:"] = "r:gz" if begins == b"\x1f\x8b" else "r:"
            with tarfile.open(file, mode, tarinfo=_bounded_tar_info(limits)) as tar:
                yield _tar_entries(tar, limits, budget)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise _damaged(str(error)) from error
    except (NotImplementedError, RuntimeError, ValueError, OverflowError, UnicodeError) as error:
        # zipfile's words for features that it lacks, and for names and numbers that make no sense.
        raise _damaged(str(error)) from error


class _Budget:
    """Counts entries and bytes that come out."""

    def __init__(self, archive_bytes: int, limits: RepositoryLimits, most_bytes: int) -> None:
        self._limits = limits
        self._most = most_bytes
        self._archive = archive_bytes
        self._ratio_bytes = limits.free_bytes + limits.ratio * archive_bytes
        self._stated = 0
        self._entries = 0

    def entry(self, size: int) -> None:
        """One more entry, which states its size; readers give no byte more than that."""
        self._entries += 1
        if self._entries > self._limits.entries:
            raise ModelRefused(
                reasons.ARCHIVE_REFUSED,
                f"the archive has more than {self._limits.entries:,} entries",
            )
        self._stated += size
        if self._stated > self._most:
            raise ModelRefused(
                reasons.MODEL_TOO_LARGE,
                f"the archive unpacks to {self._stated} bytes or more; {self._most} are allowed",
            )
        if self._stated > self._ratio_bytes:
            raise ModelRefused(
                reasons.ARCHIVE_REFUSED,
                f"the archive of {self._archive} bytes unpacks to {self._stated} or more, over "
                f"{self._limits.ratio} times as many; pack it without what compresses so well",
            )


def _tar_entries(
    tar: tarfile.TarFile, limits: RepositoryLimits, budget: _Budget
) -> Iterator[Entry]:
    for member in tar:
        path = entry_path(member.name, limits)
        if member.isdir():
            budget.entry(0)
            if path:
                yield Entry(f"{path}/", 0, lambda: iter(()))
            continue
        if not member.isreg() or member.issparse():
            raise _no_plain_file(path, _tar_kind(member))
        budget.entry(member.size)
        yield Entry(path, member.size, partial(_tar_chunks, tar, member))


def _tar_chunks(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    stream = tar.extractfile(member)
    assert stream is not None, "only regular files get here"
    yield from _exactly(stream, member.size, member.name)


def _tar_kind(member: tarfile.TarInfo) -> str:
    if member.issym():
        return "a symbolic link"
    if member.islnk():
        return "a hard link"
    if member.issparse():
        return "a sparse file"
    return "a device, a named pipe or something else"


def _bounded_tar_info(limits: RepositoryLimits) -> type[tarfile.TarInfo]:
    """A reader of headers that takes no large ones and ends only where the archive ends."""

    class BoundedTarInfo(tarfile.TarInfo):
        def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
            # tarfile's documented place for this: before the header's data is read into memory.
            if self.type not in (*tarfile.SUPPORTED_TYPES, *_EXTENDED_HEADERS):
                raise _damaged(f"an entry of the unknown type {self.type!r}")
            if self.type not in tarfile.REGULAR_TYPES and self.size > limits.header_bytes:
                raise _damaged(f"a header of {self.size} bytes")
            if self.type == tarfile.GNUTYPE_SPARSE:
                raise _no_plain_file(self.name, "a sparse file")
            found: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
            return found

        @classmethod
        def fromtarfile(cls, tar: tarfile.TarFile) -> "BoundedTarInfo":
            try:
                return super().fromtarfile(tar)
            except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
                raise
            except tarfile.HeaderError as error:
                # tarfile takes a missing rest for the end.
                raise _damaged(f"it ends early or has a broken header ({error})") from error

    return BoundedTarInfo


def _first_bytes(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(2)


def _zip_entries(
    archive: zipfile.ZipFile, limits: RepositoryLimits, budget: _Budget
) -> Iterator[Entry]:
    for row in archive.infolist():
        # zipfile cuts names at a zero byte: what is listed has to be what is meant.
        if row.orig_filename != row.filename:
            entry_path(row.orig_filename, limits)
        path = entry_path(row.filename, limits)
        mode = row.external_attr >> 16
        if row.is_dir():
            budget.entry(0)
            if path:
                yield Entry(f"{path}/", 0, lambda: iter(()))
            continue
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise _no_plain_file(path, "a link or a device")
        if row.flag_bits & 0x1 or row.compress_type not in _PLAIN_ZIP:
            raise ModelRefused(
                reasons.ARCHIVE_REFUSED,
                f"'{path}' in the archive is encrypted or compressed by another method than "
                "deflate; pack it plainly",
            )
        budget.entry(row.file_size)
        yield Entry(path, row.file_size, partial(_zip_chunks, archive, row))


def _zip_chunks(archive: zipfile.ZipFile, row: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(row) as stream:
        yield from _exactly(stream, row.file_size, row.filename)


def _exactly(stream: IO[bytes], size: int, name: str) -> Iterator[bytes]:
    left = size
    while chunk := stream.read(min(CHUNK_BYTES, left + 1)):
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        raise _damaged(f"'{name}' has not the {size} bytes that the archive states")


def _no_plain_file(path: str, what: str) -> ModelRefused:
    return ModelRefused(
        reasons.ARCHIVE_REFUSED,
        f"'{path}' in the archive is {what}; only regular files are taken (tar -h and zip pack "
        "what links point to)",
    )


def _damaged(what: str) -> ModelRefused:
    return ModelRefused(
        reasons.ARCHIVE_REFUSED,
        f"the archive is damaged, truncated or no {', '.join(SUFFIXES)}: {what[:300]}; pack and "
        "upload it again",
    )
