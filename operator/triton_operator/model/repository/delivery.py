"""Bring a repository to Triton: the author's configs as they are, completed where they are silent.

A completion is appended to the author's text. In protobuf's text format that is a merge, and only
fields that the text leaves out are appended, so nothing the author wrote changes.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.confinement import Confinement, read_repository_confined
from triton_operator.model.digest import model_digest
from triton_operator.model.errors import ModelRefused
from triton_operator.model.fetch import Transfer
from triton_operator.model.limits import RepositoryLimits
from triton_operator.model.progress import Say
from triton_operator.model.repository.entry import CONFIG_NAME
from triton_operator.model.repository.found import RepositoryStructure
from triton_operator.model.repository.inspection import checked_names, refuse_code
from triton_operator.model.repository.unpacking import (
    FOLDER_MODE,
    folder_for,
    not_writable,
    unpack,
)

MARK = "# Completed by triton-operator, where the text above is silent:"
_STAGING = ".arriving"


@dataclass(frozen=True, kw_only=True)
class RepositoryDelivery:
    """Which files go where. `completions` is a folder with NAME.pbtxt for models to complete."""

    transfer: Transfer
    archive: str | None
    files: Sequence[ModelFile]
    digest: str
    allow_code: bool
    into: Path
    completions: Path | None
    confinement: Confinement
    say: Say


def deliver_repository(job: RepositoryDelivery) -> None:
    """Put exactly the inspected repository into `into`; Triton starts with all of it or none.

    It is judged again before it is there: the list of files comes from a ModelProfile, which
    anybody in the namespace may write, and the right to execute code must not.

    Raises:
        ModelFailure: whatever the steps raise.
    """
    if model_digest(job.files) != job.digest:
        raise ModelRefused(
            reasons.DIGEST_MISMATCH,
            f"the listed files make up {model_digest(job.files)}, but {job.digest} is wanted; "
            "inspect the repository again",
        )
    staging = job.into / _STAGING
    try:
        _empty(job.into)
        staging.mkdir(mode=FOLDER_MODE)
        tree, structure = _arrived(job, staging)
        refuse_code(structure, allowed=job.allow_code)
        for name in structure.without_version:
            (tree / name / "1").mkdir(mode=FOLDER_MODE)
        _complete(job, tree, structure)
        for model in structure.models:
            (tree / model.name).rename(job.into / model.name)
        shutil.rmtree(staging)
    except OSError as error:
        raise not_writable(job.into, error) from error
    job.say(f"{len(structure.models)} models are there and are {job.digest}")


def _arrived(job: RepositoryDelivery, staging: Path) -> tuple[Path, RepositoryStructure]:
    """The folder of the repository below `staging`, and what was found in it."""
    tree = staging / "tree"
    tree.mkdir(mode=FOLDER_MODE)
    if job.archive is None:
        paths = checked_names([row.path for row in job.files], RepositoryLimits())
        rows = {row.path: row for row in job.files}
        for path in paths:
            folder_for(tree, path)
            job.transfer.receive(path, tree / path, listed=rows[path])
        structure = read_repository_confined(tree, job.transfer.max_bytes, job.confinement)
        return tree / structure.root, structure
    archive = staging / "archive"
    job.transfer.receive(None, archive, listed=job.files[0], name=job.files[0].path)
    structure = read_repository_confined(archive, job.transfer.max_bytes, job.confinement)
    job.say(f"unpacking {structure.files} files, {structure.total_bytes} bytes")
    unpack(archive, tree, job.transfer.max_bytes)
    archive.unlink()
    return tree / structure.root, structure


def _complete(job: RepositoryDelivery, tree: Path, structure: RepositoryStructure) -> None:
    if job.completions is None:
        return
    for model in structure.models:
        addition = job.completions / f"{model.name}.pbtxt"
        if addition.is_file():
            config = tree / model.name / CONFIG_NAME
            text = config.read_text(encoding="utf-8")
            added = addition.read_text(encoding="utf-8")
            if model.name in structure.own_metrics:
                added = _without_metrics(added)
            config.write_text(f"{text}\n{MARK}\n{added}", encoding="utf-8")


def _without_metrics(added: str) -> str:
    """A completion of the operator's for a config that has its own buckets: they stay.

    Only here is it known: facts, which a ModelProfile may have of older versions, do not say it.
    """
    # Protobuf takes 6 MiB of a small container's memory, for few repositories.
    from triton_operator.triton.model_config import config_text, parse_config

    config = parse_config(added)
    config.ClearField("model_metrics")
    return config_text(config)


def _empty(folder: Path) -> None:
    """What an interrupted call left behind; the volume itself stays."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
