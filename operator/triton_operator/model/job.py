"""The two jobs of this room: find a model's facts, and bring its files to Triton."""

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triton_operator.api.inspection import Report
from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.confinement import Confinement, read_confined
from triton_operator.model.digest import MODEL_FILE_NAME, model_digest
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.external_files import refuse_too_short
from triton_operator.model.facts import facts_of
from triton_operator.model.fetch import FileNames, Transfer, copy_config, fetch_files
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.progress import Say


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What to inspect, and where to work."""

    transfer: Transfer
    digest: str | None
    """The pin, if there is one."""
    work_dir: Path
    confinement: Confinement
    say: Say


def inspect(job: Inspection) -> Report:
    """Fetch the model, check its digest, and find its facts.

    A pin is compared before anything parses the file. Only a file that refers to external data has
    to be parsed before, to learn which files the pin is about. Those are hashed while they arrive
    and not kept: the facts need no weights.

    Raises:
        ModelFailure: whatever the steps raise.
    """
    file = job.work_dir / MODEL_FILE_NAME
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise WorkFailed(
            reasons.WRITE_FAILED, f"{job.work_dir} is not writable: {error.strerror}"
        ) from error
    job.say("fetching the model file")
    most_bytes = min(job.transfer.max_bytes, InspectionLimits().model_bytes)
    try:
        rows = [job.transfer.receive(None, file, most_bytes=most_bytes)]
    except ModelRefused as error:
        if error.failure.reason != reasons.MODEL_TOO_LARGE or most_bytes == job.transfer.max_bytes:
            raise
        raise ModelRefused(
            reasons.MODEL_TOO_LARGE,
            f"{error.failure.message}, since one ONNX file holds at most 2 GiB: save the model "
            "with external data",
        ) from error
    if job.digest is not None and rows[0].digest != job.digest and not may_refer_to_files(file):
        raise other_digest(rows[0].digest, job.digest, rows)
    job.say(f"parsing {rows[0].size_bytes} bytes, {rows[0].digest}")
    structure = read_confined(file, job.confinement)
    for external in structure.external:
        job.say(f"reading the external data '{external.path}'")
        left = job.transfer.max_bytes - sum(row.size_bytes for row in rows)
        rows.append(job.transfer.receive(external.path, None, most_bytes=left))
        refuse_too_short(external, rows[-1].size_bytes)
    digest = model_digest(rows)
    if job.digest is not None and digest != job.digest:
        raise other_digest(digest, job.digest, rows)
    return Report(digest=digest, facts=facts_of(structure, rows))


def may_refer_to_files(file: Path) -> bool:
    """Whether the model may have external data, without parsing it.

    External data is a key-value pair whose key is `location`; a protobuf writer spells a string as
    its bytes. A file without these bytes is the whole model.
    """
    with file.open("rb") as stream:
        if not file.stat().st_size:
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
            return view.find(b"location") >= 0


def other_digest(found: str, wanted: str, rows: Sequence[ModelFile]) -> ModelRefused:
    """The failure for a model that is not the pinned one."""
    what = "the model file"
    if len(rows) > 1:
        what = f"the listing of the model's {len(rows)} files (`sha256sum`, sorted by path)"
    return ModelRefused(
        reasons.DIGEST_MISMATCH,
        f"{what} has the digest {found}, but spec.model.digest pins {wanted}; correct the pin, or "
        "put the pinned model back",
    )


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Which files go where; `config` is a file and its destination."""

    transfer: Transfer
    files: Sequence[ModelFile]
    digest: str
    into: Path
    names: FileNames
    config: tuple[Path, Path] | None
    say: Say


def deliver(job: Delivery) -> None:
    """Bring exactly the listed files, then the config: Triton starts with all of it or none.

    Raises:
        ModelFailure: whatever the steps raise.
    """
    fetch_files(job.transfer, job.files, job.digest, job.into, job.names)
    job.say(f"{len(job.files)} files are there and are {job.digest}")
    if job.config is not None:
        copy_config(*job.config)
