"""A copy made again where it is served, and served only if it is the one that was compared."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triton_operator.api.conversion_method import Method
from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.cache import DigestCache
from triton_operator.model.conversion.conversion import convert_model
from triton_operator.model.conversion.record import Calibration
from triton_operator.model.conversion.source_model import read_source
from triton_operator.model.digest import MODEL_FILE_NAME, model_digest
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.fetch import (
    FILE_MODE,
    FOLDER_MODE,
    is_there,
    not_writable,
    stored_rows,
)
from triton_operator.model.progress import Progress, Say
from triton_operator.model.receiving import Deadline, Receiver


@dataclass(frozen=True, kw_only=True)
class Rebuilding:
    """Which copy of which model goes where: `files` are the copy's, its model file first."""

    model: Path
    model_digest: str
    method: Method
    calibration: Calibration | None
    files: Sequence[ModelFile]
    digest: str
    into: Path
    deadline: Deadline
    progress: Progress
    say: Say
    cache: DigestCache | None = None


def rebuild(job: Rebuilding) -> None:
    """Put the files of the copy into `into`: from the cache, else by converting the model.

    Files that are already right stay: a container may be restarted.

    Raises:
        ModelRefused: `DigestMismatch`: the model, or the copy made of it, is another one than
            listed; what `convert_model` raises.
        WorkFailed: `WriteFailed`, `InvalidArguments`.
    """
    rows = stored_rows(job.files, MODEL_FILE_NAME)
    if (listed := model_digest(rows)) != job.digest:
        raise WorkFailed(
            reasons.INVALID_ARGUMENTS, f"the listed files make up {listed}, not {job.digest}"
        )
    if all(is_there(job.into / row.path, row) for row in rows):
        job.say("the copy is there")
        return
    try:
        job.into.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        # Beside its place: a file appears there at once, and only if all of them are right.
        with tempfile.TemporaryDirectory(prefix=".copy-", dir=job.into.parent) as name:
            folder = Path(name)
            if not _from_cache(job, rows, folder):
                _convert(job, folder)
                _keep(job, rows, folder)
            for row in rows:
                (folder / row.path).chmod(FILE_MODE)
                (folder / row.path).replace(job.into / row.path)
    except OSError as error:
        raise not_writable(job.into, error) from error


def _convert(job: Rebuilding, folder: Path) -> None:
    source = read_source(job.model)
    if source.digest != job.model_digest:
        raise ModelRefused(
            reasons.DIGEST_MISMATCH,
            f"the model to convert is {source.digest}, but {job.model_digest} is wanted",
        )
    job.say(f"converting {source.digest} to {job.method}")
    record = convert_model(
        source, job.method, folder / MODEL_FILE_NAME, calibration=job.calibration
    )
    if record.artifact_digest != job.digest:
        versions = ", ".join(f"{tool} {text}" for tool, text in record.recipe.tool_versions.items())
        raise ModelRefused(
            reasons.DIGEST_MISMATCH,
            f"the {job.method} copy made here is {record.artifact_digest}, but the one that was "
            f"compared with FP32 is {job.digest}; this image has {versions}: use the image of the "
            "operator, or delete the row from the ModelProfile, and the copy is made and compared "
            "again",
        )
    job.say(f"the copy is {job.digest}")


def _from_cache(job: Rebuilding, rows: Sequence[ModelFile], folder: Path) -> bool:
    """Whether all files were there under their digests; then they are in `folder`."""
    cache = job.cache
    return cache is not None and all(_copied(job, cache, row, folder / row.path) for row in rows)


def _copied(job: Rebuilding, cache: DigestCache, row: ModelFile, into: Path) -> bool:
    with into.open("wb") as stream:
        receiver = Receiver(
            row.path,
            stream,
            most_bytes=row.size_bytes,
            deadline=job.deadline,
            progress=job.progress,
            listed=row,
        )
        return cache.copy(row, receiver)


def _keep(job: Rebuilding, rows: Sequence[ModelFile], folder: Path) -> None:
    if job.cache is not None:
        for row in rows:
            job.cache.keep(row, folder / row.path, job.deadline)
