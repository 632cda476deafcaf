"""The facts of a repository: what is in it, and the digests by which it is fetched again."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triton_operator import __version__
from triton_operator.api.enums import ModelFormat
from triton_operator.api.inspection import Report
from triton_operator.api.model_profile import ModelFacts, ModelFile
from triton_operator.api.repository import RepositoryFacts, RepositoryModel
from triton_operator.model import reasons
from triton_operator.model.answer import fits
from triton_operator.model.confinement import Confinement, read_repository_confined
from triton_operator.model.digest import model_digest
from triton_operator.model.ends import Ends
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.fetch import Transfer
from triton_operator.model.limits import RepositoryLimits
from triton_operator.model.listed_keys import ListingBounds
from triton_operator.model.listing_source import listed
from triton_operator.model.progress import Say
from triton_operator.model.receiving import Receiver
from triton_operator.model.repository.entry import CONFIG_NAME, HEAD_BYTES
from triton_operator.model.repository.found import OnnxFindings, RepositoryStructure
from triton_operator.model.repository.onnx_inspection import (
    complete_outline,
    completed,
    judge_onnx_files,
    may_be_onnx,
    unpack_onnx_files,
)
from triton_operator.model.repository.paths import entry_path, refuse_clashes

ARCHIVE_FILE = "repository"
"""Name, before its suffix, of an archive in the list of files."""
OUTLINE = "outline"
"""Folder for an archive's ONNX models; everything else in it has size but no bytes."""


@dataclass(frozen=True, kw_only=True)
class RepositoryInspection:
    """What to inspect. `archive` is the suffix of an archive; None: the address is a folder."""

    transfer: Transfer
    archive: str | None
    digest: str | None
    allow_code: bool
    work_dir: Path
    confinement: Confinement
    say: Say


def inspect_repository(job: RepositoryInspection) -> Report:
    """Fetch or list the repository, check its digest, and find its facts.

    A pin is compared before anything is parsed. Of a folder, only configs and ONNX models are kept:
    other files are hashed, and stand as holes of their size with their first bytes.

    Raises:
        ModelFailure: whatever the steps raise.
    """
    if job.archive is not None:
        place = job.work_dir / f"{ARCHIVE_FILE}{job.archive}"
        _clear(place)
        job.say("fetching the archive")
        rows = [job.transfer.receive(None, place, name=place.name)]
    else:
        place = job.work_dir / ARCHIVE_FILE
        _clear(place)
        rows = _outlined(job, place)
    digest = model_digest(rows)
    if job.digest not in (None, digest):
        raise other_repository(digest, str(job.digest), rows)
    job.say(f"looking through {len(rows)} file(s), {digest}")
    structure = read_repository_confined(place, job.transfer.max_bytes, job.confinement)
    refuse_code(structure, allowed=job.allow_code)
    return _report(digest, structure, rows, _onnx_findings(job, structure, rows, place))


def _onnx_findings(
    job: RepositoryInspection, structure: RepositoryStructure, rows: list[ModelFile], place: Path
) -> OnnxFindings:
    if not structure.onnx:
        return OnnxFindings()
    job.say(f"parsing {len(structure.onnx)} ONNX file(s)")
    if job.archive is None:
        complete_outline(job.transfer, rows, place, structure)
        return judge_onnx_files(place, structure, job.confinement)
    outline = job.work_dir / OUTLINE
    _clear(outline)
    unpack_onnx_files(place, outline, structure, job.transfer.max_bytes)
    return judge_onnx_files(outline, structure, job.confinement)


def _report(
    digest: str, structure: RepositoryStructure, rows: list[ModelFile], found: OnnxFindings
) -> Report:
    """With the tensors that only ONNX files tell, unless there are too many for an answer."""
    models = completed(structure.models, found.tensors)
    versions = {**structure.tool_versions, **found.tool_versions}
    full, plain = (
        Report(digest=digest, facts=_facts(structure, listed, rows, versions))
        for listed in (models, structure.models)
    )
    return full if fits(full) else plain


def refuse_code(structure: RepositoryStructure, *, allowed: bool) -> None:
    """Raises `CodeNotAllowed` where the repository executes code and may not."""
    if structure.code and not allowed:
        raise ModelRefused(
            reasons.CODE_NOT_ALLOWED,
            f"the repository executes code: {'; '.join(structure.code[:3])}"
            f"{' …' if len(structure.code) > 3 else ''}. Models of this namespace may not: remove "
            "it, or have the namespace added to codeNamespaces of the operator's chart",
        )


def other_repository(found: str, wanted: str, rows: Sequence[ModelFile]) -> ModelRefused:
    """The failure for a repository that is not the pinned one."""
    what = "the archive"
    if len(rows) > 1:
        what = f"the listing of the repository's {len(rows)} files (`sha256sum`, sorted by path)"
    return ModelRefused(
        reasons.DIGEST_MISMATCH,
        f"{what} has the digest {found}, but spec.model.digest pins {wanted}; correct the pin, or "
        "put the pinned repository back",
    )


def checked_names(names: Sequence[str], limits: RepositoryLimits) -> list[str]:
    """The names of a store as safe relative paths, sorted.

    Raises:
        ModelRefused: `RepositoryRefused`.
    """
    paths = sorted(entry_path(name, limits) for name in names)
    if "" in paths or not paths:
        raise ModelRefused(
            reasons.REPOSITORY_REFUSED,
            "there is no file at this address; a repository has NAME/config.pbtxt for each model",
        )
    refuse_clashes(paths)
    return paths


def _outlined(job: RepositoryInspection, place: Path) -> list[ModelFile]:
    """A copy of the folder: configs and ONNX models whole, of other files first bytes and size."""
    limits = RepositoryLimits()
    job.say("listing the repository")
    bounds = ListingBounds(limits.listed_files, job.transfer.max_bytes, job.transfer.deadline)
    paths = checked_names(listed(job.transfer.source, bounds), limits)
    rows: list[ModelFile] = []
    place.mkdir()
    for path in paths:
        final = place / path
        final.parent.mkdir(parents=True, exist_ok=True)
        left = job.transfer.max_bytes - sum(row.size_bytes for row in rows)
        if final.name == CONFIG_NAME:
            most = min(left, limits.config_bytes)
            rows.append(job.transfer.receive(path, final, most_bytes=most))
            continue
        job.say(f"reading '{path}'")
        if may_be_onnx(path):
            rows.append(job.transfer.receive(path, final, most_bytes=left))
            continue
        head = Ends()
        receiver = Receiver(
            path,
            head,  # type: ignore[arg-type]  # all that a receiver needs of a stream
            most_bytes=left,
            deadline=job.transfer.deadline,
            progress=job.transfer.progress,
        )
        job.transfer.source.read(path, receiver)
        rows.append(receiver.row(path))
        final.write_bytes(head.first[:HEAD_BYTES])
        os.truncate(final, rows[-1].size_bytes)
    return rows


def _clear(place: Path) -> None:
    try:
        if place.is_dir():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
    except OSError as error:
        raise WorkFailed(
            reasons.WRITE_FAILED, f"{place.parent} is not writable: {error.strerror}"
        ) from error


def _facts(
    structure: RepositoryStructure,
    models: list[RepositoryModel],
    rows: list[ModelFile],
    versions: dict[str, str],
) -> ModelFacts:
    names = [model.name for model in models]
    return ModelFacts(
        format=ModelFormat.TRITON_REPOSITORY,
        batchable=False,
        reason=f"a repository of {', '.join(names)}"[:1024],
        size_bytes=structure.total_bytes,
        files=rows,
        repository=RepositoryFacts(models=models, code=structure.code),
        tool_versions={**versions, "triton-operator": __version__},
    )
