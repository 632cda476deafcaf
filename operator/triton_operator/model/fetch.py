"""Bring the files of a model from their source to where they are needed."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.cache import DigestCache
from triton_operator.model.digest import MODEL_FILE_NAME, file_row, model_digest
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.external_files import safe_path
from triton_operator.model.progress import Progress
from triton_operator.model.receiving import Deadline, Receiver
from triton_operator.model.sources import Source

FILE_MODE = 0o644
"""Triton may run as another user than the one that fetches."""
FOLDER_MODE = 0o755


@dataclass(frozen=True)
class Transfer:
    """A source, and the bounds of everything that is read from it together."""

    source: Source
    deadline: Deadline
    progress: Progress
    max_bytes: int
    cache: DigestCache | None = None

    def receive(
        self,
        path: str | None,
        into: Path | None,
        *,
        most_bytes: int | None = None,
        listed: ModelFile | None = None,
        name: str | None = None,
    ) -> ModelFile:
        """One file, written to `into` or only hashed; `path` None is the model itself.

        `most_bytes` is `max_bytes` unless stated; `listed` is what the file has to be: it is looked
        up in the cache first. `name` is how it is called in the row, its path or `model.onnx`
        unless stated.

        Raises:
            ModelFailure: as `Source.read` and `Receiver`.
        """
        row_name = name or path or MODEL_FILE_NAME

        def receiver(stream: BinaryIO | None) -> Receiver:
            return Receiver(
                row_name,
                stream,
                most_bytes=self.max_bytes if most_bytes is None else most_bytes,
                deadline=self.deadline,
                progress=self.progress,
                listed=listed,
            )

        if into is None:
            hashing = receiver(None)
            self.source.read(path, hashing)
            return hashing.row(row_name)
        try:
            descriptor = os.open(
                into, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE
            )
            with os.fdopen(descriptor, "wb") as stream:
                os.fchmod(descriptor, FILE_MODE)
                writing = receiver(stream)
                cached = self._copied(listed, writing)
                if not cached:
                    self.source.read(path, writing)
        except OSError as error:
            raise not_writable(into, error) from error
        row = writing.row(row_name)
        if self.cache is not None and listed is not None and not cached:
            self.cache.keep(row, into, self.deadline)
        return row

    def _copied(self, listed: ModelFile | None, into: Receiver) -> bool:
        return self.cache is not None and listed is not None and self.cache.copy(listed, into)


@dataclass(frozen=True)
class FileNames:
    """`main` is how the model file is called in Triton's repository. `at_source` has the path, by
    name in the repository, of files that are called differently at their source.
    """

    main: str = MODEL_FILE_NAME
    at_source: Mapping[str, str] = field(default_factory=dict)


def fetch_files(
    transfer: Transfer,
    files: Sequence[ModelFile],
    digest: str,
    folder: Path,
    names: FileNames = FileNames(),  # immutable
) -> None:
    """Put exactly `files` into `folder`, the first one under the name of the model file.

    Every file arrives under a temporary name, and gets its own name after all of them have the
    size and digest that is listed. Files that are already right stay: a container may be restarted.

    Raises:
        ModelRefused: `DigestMismatch`, `ExternalDataRefused`, `ModelTooLarge`.
        ModelFailure: as `Transfer.receive`.
    """
    rows = stored_rows(files, names.main)
    if (listed := model_digest(rows)) != digest:
        raise ModelRefused(
            reasons.DIGEST_MISMATCH,
            f"the listed files make up {listed}, but {digest} is wanted; inspect the model again",
        )
    total = sum(row.size_bytes for row in rows)
    if total > transfer.max_bytes:
        raise ModelRefused(
            reasons.MODEL_TOO_LARGE,
            f"the files have {total} bytes; {transfer.max_bytes} are allowed",
        )
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(folder, error) from error
    missing = [row for row in rows if not is_there(folder / row.path, row)]
    parts = [folder / f".arriving-{number}" for number in range(len(missing))]
    try:
        for row, part in zip(missing, parts, strict=True):
            part.unlink(missing_ok=True)
            path = names.at_source.get(row.path, row.path)
            transfer.receive(
                None if row.path == names.main else path, part, listed=row, name=row.path
            )
        for row, part in zip(missing, parts, strict=True):
            final = folder / row.path
            final.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            part.replace(final)
    except OSError as error:
        raise not_writable(folder, error) from error
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def copy_config(file: Path, into: Path) -> None:
    """Copy Triton's config.pbtxt from its (linked) ConfigMap volume; it appears at once.

    Raises:
        WorkFailed: `WriteFailed`.
    """
    part = into.with_name(f".arriving-{into.name}")
    try:
        into.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        shutil.copyfile(file, part)
        part.chmod(FILE_MODE)
        part.replace(into)
    except OSError as error:
        raise not_writable(into, error) from error
    finally:
        part.unlink(missing_ok=True)


def stored_rows(files: Sequence[ModelFile], main: str) -> list[ModelFile]:
    """The rows under the names that they get; names come from an untrusted file, again.

    Raises:
        WorkFailed: `InvalidArguments`, there is none.
        ModelRefused: `ExternalDataRefused`.
    """
    if not files:
        raise WorkFailed(reasons.INVALID_ARGUMENTS, "the list of files is empty")
    first, *others = files
    rows = [first.model_copy(update={"path": main})]
    rows += [row.model_copy(update={"path": safe_path(row.path)}) for row in others]
    if len({row.path for row in rows}) != len(rows):
        raise ModelRefused(reasons.EXTERNAL_DATA_REFUSED, "one file is listed twice")
    return rows


def is_there(file: Path, row: ModelFile) -> bool:
    """Whether a regular file is there already, with the size and digest that are listed."""
    try:
        return (
            file.is_file()
            and not file.is_symlink()
            and file.stat().st_size == row.size_bytes
            and file_row(file, row.path) == row
        )
    except OSError:
        return False


def all_there(folder: Path, files: Sequence[ModelFile]) -> bool:
    """Whether all `files` of a copy are in `folder` already, as they are listed.

    Raises:
        ModelFailure: as `stored_rows`.
    """
    return all(is_there(folder / row.path, row) for row in stored_rows(files, MODEL_FILE_NAME))


def not_writable(path: Path, error: OSError) -> WorkFailed:
    """The failure of a write to the model's volume."""
    return WorkFailed(
        reasons.WRITE_FAILED,
        f"{path} cannot be written: {error.strerror} ({error.filename or path}); the volume for "
        "the model must be writable and large enough",
        retryable=True,
    )
