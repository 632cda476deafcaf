"""A local stand-in for debian:bookworm-slim, made by debootstrap: no container registry is needed.

The Dockerfiles take their base as the build argument BASE, so the same files build on a machine
with a registry.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from e2e.harness import mounts, paths
from e2e.harness.buildah import Buildah
from e2e.harness.commands import run, stream
from e2e.harness.fingerprint import fingerprint
from e2e.harness.progress import step
from e2e.harness.versions import DEBIAN_SUITE

REPOSITORY = "localhost/debian-bookworm"
DEBOOTSTRAP_TIMEOUT_SECONDS = 1200.0
FOLDER = paths.REPOSITORY / "images" / "base"

# Fetched lists and packages, and what a container mounts over anyway.
LEFT_OUT = ("./var/cache/apt/*", "./var/lib/apt/lists/*", "./dev/*", "./proc/*", "./sys/*")


def packages() -> list[str]:
    """What the base holds beside Debian's minimal system: the lines of images/base/packages.txt."""
    lines = (FOLDER / "packages.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def base_reference() -> str:
    """Name and tag of the base image; the tag changes with its package list."""
    tag = fingerprint(FOLDER, [FOLDER / "packages.txt"], [DEBIAN_SUITE])
    return f"{REPOSITORY}:{tag}"


def ensure_base(buildah: Buildah) -> str:
    """Make the base image unless our storage has it; its reference."""
    reference = base_reference()
    if buildah.has(reference):
        return reference
    paths.image_dir().mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".base-", dir=paths.image_dir()))
    try:
        with step(f"making the base image: Debian {DEBIAN_SUITE} by debootstrap") as s:
            # fmt: off
            stream(
                [
                    "nice", "debootstrap", "--variant=minbase", f"--include={','.join(packages())}",
                    DEBIAN_SUITE, work / "root",
                ],
                timeout_seconds=DEBOOTSTRAP_TIMEOUT_SECONDS,
                log=paths.state_root() / "images" / "base.log",
                on_line=s.detail,
            )
            s.detail("importing")
            run(
                [
                    "tar", "--numeric-owner", *(f"--exclude={pattern}" for pattern in LEFT_OUT),
                    "-C", work / "root", "-cf", work / "root.tar", ".",
                ],
                timeout_seconds=300,
            )
            # fmt: on
            buildah.commit_root_filesystem(work / "root.tar", reference)
    finally:
        mounts.unmount_below(work)  # an interrupted debootstrap leaves /proc mounted
        shutil.rmtree(work, ignore_errors=True)
    return reference
