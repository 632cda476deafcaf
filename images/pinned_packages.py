"""Installs a requirements file with hashes into a folder, for an image's own Python.

Wheels are kept below $XDG_CACHE_HOME/triton-operator, one folder per requirements file, so that a
second build needs no network. Hashes are checked at every installation, also from the cache.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

PYTHON_VERSION = "3.11"
"""Debian bookworm's, which is what the images run."""
MARKERS = {"python_version": PYTHON_VERSION, "python_full_version": f"{PYTHON_VERSION}.2"}
GLIBC_MINORS = range(17, 37)
"""Wheels for glibc up to bookworm's 2.36 fit."""


SETTLED = 315_532_800
"""Seconds since 1970: the first day that a zip file can name."""


def _platforms() -> list[str]:
    names = [f"manylinux_2_{minor}_x86_64" for minor in reversed(GLIBC_MINORS)]
    return [*names, "manylinux2014_x86_64"]


def _pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    # A pip.conf that asks for something else (another index apart) would undo what is pinned here.
    environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore", "PIP_NO_INPUT": "1"}
    subprocess.run(command, check=True, env=environment)


def _target_options() -> list[str]:
    options = [f"--python-version={PYTHON_VERSION}", "--implementation=cp", "--only-binary=:all:"]
    return [*options, *(f"--platform={name}" for name in _platforms())]


def for_image(requirements: str) -> str:
    """The requirements that hold for the image's Python, without their markers.

    pip itself evaluates markers for the Python it runs on, whatever `--python-version` says.
    """
    kept = []
    for line in requirements.replace("\\\n", " ").splitlines():
        words, options = line.partition(" --hash")[::2]
        if not words.strip() or words.lstrip().startswith("#"):
            continue
        wanted = Requirement(words)
        if wanted.marker is None or wanted.marker.evaluate(dict(MARKERS)):
            kept.append(f"{wanted.name}{wanted.specifier} --hash{options}")
    return "\n".join(kept) + "\n"


def cache_dir() -> Path:
    """Folder for downloads; relative values of XDG_CACHE_HOME are ignored, as its standard says."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "triton-operator" / "wheels"


def wheel_dir(requirements: Path) -> Path:
    """Folder with every wheel of a requirements file, filled at the first call."""
    key = f"{PYTHON_VERSION}\n{for_image(requirements.read_text())}"
    folder = cache_dir() / hashlib.sha256(key.encode()).hexdigest()[:16]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        filtered = partial / "requirements.txt"
        filtered.write_text(for_image(requirements.read_text()))
        _pip(
            "download", "--quiet", "--require-hashes", "--no-deps", *_target_options(),
            "--dest", partial, "--requirement", filtered,
        )  # fmt: skip
        try:
            partial.rename(folder)
        except OSError:
            # Somebody else was faster; theirs has the same hashes.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def install(requirements: Path, target: Path) -> None:
    """Unpack every package of `requirements`, hashes checked, into the folder `target`.

    Raises:
        subprocess.CalledProcessError: pip failed; its output says why.
    """
    wheels = wheel_dir(requirements)
    _pip(
        "install", "--quiet", "--require-hashes", "--no-deps", "--no-index", "--no-compile",
        *_target_options(), "--find-links", wheels,
        "--target", target, "--requirement", wheels / "requirements.txt",
    )  # fmt: skip


def install_project(stage: Path, target: Path) -> None:
    """Build the wheel of the project in `stage` and unpack it into the folder `target`.

    Raises:
        subprocess.CalledProcessError: pip failed; its output says why.
    """
    # With the build backend at hand nothing needs to be fetched for a build environment.
    at_hand = ["--no-build-isolation"] if find_spec("hatchling") else []
    with tempfile.TemporaryDirectory() as wheels:
        _pip("wheel", "--quiet", "--no-deps", *at_hand, "--wheel-dir", wheels, stage)
        (wheel,) = Path(wheels).glob("*.whl")
        _pip(
            "install", "--quiet", "--no-deps", "--no-index", "--no-compile", *_target_options(),
            "--target", target, wheel,
        )  # fmt: skip
    # It names the temporary folder, so that every build would differ.
    drop(target, ("*.dist-info/direct_url.json",))


def drop(folder: Path, patterns: tuple[str, ...]) -> None:
    """Remove what matches one of the glob `patterns` below `folder`.

    Raises:
        FileNotFoundError: a pattern matches nothing, so a package has changed and the list is old.
    """
    for pattern in patterns:
        found = list(folder.glob(pattern))
        if not found:
            raise FileNotFoundError(f"nothing matches {pattern} below {folder}: correct the list")
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def settle(folder: Path) -> None:
    """Give everything below `folder` the same time, so that equal contents are equal layers."""
    for path in folder.rglob("*"):
        os.utime(path, (SETTLED, SETTLED), follow_symlinks=False)
