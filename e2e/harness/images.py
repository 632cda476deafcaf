"""Builds the project's images and caches them as archives, keyed by a hash of everything that goes
into them.

Contract with `images/<name>/`: a `Dockerfile` whose `ARG BASE` defaults to debian:bookworm-slim,
and a `context.sh` or `context.py` that fills the folder named by its argument with all the
Dockerfile copies, and with `--inputs` prints the files and folders it reads, one a line, relative
to the repository's root.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from e2e.harness import paths
from e2e.harness.baseimage import base_reference, ensure_base
from e2e.harness.buildah import Buildah
from e2e.harness.commands import run, stream
from e2e.harness.docker import engine_answers
from e2e.harness.errors import HarnessError
from e2e.harness.fingerprint import files_below, fingerprint
from e2e.harness.lock import exclusive
from e2e.harness.progress import Step, step

PROJECT_IMAGES = {"operator": "localhost/triton-operator", "triton-cpu": "localhost/triton-cpu"}
"""Folder below images/ → repository part of the image's name."""

PAUSE = "pause"
PAUSE_REPOSITORY = "localhost/pause"
PAUSE_ENTRYPOINT = '["sleep", "infinity"]'

CONTEXT_TIMEOUT_SECONDS = 1200.0
LOCK_TIMEOUT_SECONDS = 3600.0
ARCHIVES_KEPT = 2


@dataclass(frozen=True)
class BuiltImage:
    """An image that is ready to be loaded into a cluster.

    `reference`: name with the hash of its inputs as the tag; use it in manifests, so that a rebuilt
    image is rolled out. `archive`: a tar file in Docker's format.
    """

    name: str
    reference: str
    archive: Path

    @property
    def repository(self) -> str:
        """The reference without its tag."""
        return self.reference.rpartition(":")[0]

    @property
    def tag(self) -> str:
        """The tag alone."""
        return self.reference.rpartition(":")[2]

    @property
    def dev_reference(self) -> str:
        """A second name that stays the same over rebuilds."""
        return f"{self.repository}:dev"


def image(name: str) -> BuiltImage:
    """What `name` is called for the sources as they are now; nothing is built.

    Raises HarnessError when images/<name> is not as the contract says.
    """
    if name == PAUSE:
        repository, tag = (
            PAUSE_REPOSITORY,
            fingerprint(paths.REPOSITORY, [], [base_reference(), PAUSE_ENTRYPOINT]),
        )
    else:
        repository, tag = PROJECT_IMAGES[name], _source_hash(name)
    return BuiltImage(name, f"{repository}:{tag}", paths.image_dir() / f"{name}-{tag}.tar")


def ensure_images(names: Iterable[str] = tuple(PROJECT_IMAGES)) -> dict[str, BuiltImage]:
    """Build those images whose archive is not in the cache; name → image.

    Raises HarnessError: a broken folder, a failed build (with the end of its output), missing
    rights.
    """
    wanted = {name: image(name) for name in names}
    if all(found.archive.exists() for found in wanted.values()):
        return wanted
    paths.image_dir().mkdir(parents=True, exist_ok=True)
    with exclusive(paths.image_dir() / ".lock", "building images", LOCK_TIMEOUT_SECONDS):
        missing = [found for found in wanted.values() if not found.archive.exists()]
        if engine_answers():
            for found in missing:
                _build_with_docker(found)
        else:
            _build_with_buildah(missing)
    for found in wanted.values():
        _drop_old_archives(found)
    return wanted


def _source_hash(name: str) -> str:
    folder = Path("images") / name
    inputs = [str(folder), *_run_context(name, "--inputs").split("\n")]
    files = files_below(paths.REPOSITORY, (line for line in inputs if line.strip()))
    base = "registry" if engine_answers() else base_reference()
    return fingerprint(paths.REPOSITORY, files, [base])


def _context_command(name: str) -> list[str | Path]:
    folder = paths.REPOSITORY / "images" / name
    if not (folder / "Dockerfile").exists():
        raise HarnessError(f"images/{name}/Dockerfile does not exist")
    if (folder / "context.py").exists():
        return [sys.executable, folder / "context.py"]
    if (folder / "context.sh").exists():
        return [folder / "context.sh"]
    raise HarnessError(f"images/{name} has neither context.py nor context.sh")


def _run_context(name: str, argument: str) -> str:
    argv = [*_context_command(name), argument]
    return run(argv, cwd=paths.REPOSITORY, timeout_seconds=CONTEXT_TIMEOUT_SECONDS)


def _make_context(name: str, target: Path, current: Step) -> None:
    stream(
        [*_context_command(name), target],
        cwd=paths.REPOSITORY,
        timeout_seconds=CONTEXT_TIMEOUT_SECONDS,
        log=paths.state_root() / "images" / f"{name}-context.log",
        on_line=current.detail,
        env={"PYTHON": sys.executable},
    )


def _build_with_buildah(missing: Iterable[BuiltImage]) -> None:
    buildah = Buildah()
    try:
        base = ensure_base(buildah)
        for found in missing:
            with step(f"building the image {found.reference}") as s:
                if found.name == PAUSE:
                    buildah.commit_entrypoint(base, PAUSE_ENTRYPOINT, found.reference)
                else:
                    with _Context(found.name, s) as context:
                        dockerfile = paths.REPOSITORY / "images" / found.name / "Dockerfile"
                        arguments = {"BASE": base}
                        buildah.build(dockerfile, context, found.reference, arguments, s.detail)
                s.detail("exporting")
                _require_unchanged(found)
                buildah.export(found.reference, found.archive)
                buildah.forget(found.repository, found.reference)
    finally:
        buildah.close()


def _build_with_docker(found: BuiltImage) -> None:
    with step(f"building the image {found.reference}") as s, _Context(found.name, s) as context:
        # fmt: off
        stream(
            [
                "docker", "build", "-t", found.reference, "-t", found.dev_reference,
                "-f", paths.REPOSITORY / "images" / found.name / "Dockerfile", context,
            ],
            timeout_seconds=CONTEXT_TIMEOUT_SECONDS,
            log=paths.state_root() / "images" / f"{found.name}.log",
            on_line=s.detail,
        )
        # fmt: on
        _require_unchanged(found)
        partial = found.archive.with_name(f".{found.archive.name}.{os.getpid()}")
        run(
            ["docker", "save", "-o", partial, found.reference, found.dev_reference],
            timeout_seconds=600,
        )
        partial.rename(found.archive)


def _require_unchanged(built: BuiltImage) -> None:
    """Else an archive would be cached under the hash of sources it was not built from."""
    if image(built.name).reference != built.reference:
        raise HarnessError(f"the inputs of images/{built.name} changed during its build; run again")


class _Context:
    """A temporary build context, filled by the image's own script."""

    def __init__(self, name: str, current: Step) -> None:
        self._name, self._step = name, current

    def __enter__(self) -> Path:
        self._folder = Path(tempfile.mkdtemp(prefix=".context-", dir=paths.image_dir()))
        try:
            _make_context(self._name, self._folder, self._step)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self._folder

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _drop_old_archives(found: BuiltImage) -> None:
    """An archive has hundreds of megabytes: keep the newest few, so that going back stays cheap."""
    os.utime(found.archive)
    archives = paths.image_dir().glob(f"{found.name}-{'[0-9a-f]' * len(found.tag)}.tar")
    for old in sorted(archives, key=lambda a: a.stat().st_mtime)[:-ARCHIVES_KEPT]:
        old.unlink(missing_ok=True)
