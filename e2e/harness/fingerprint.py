"""A short hash over files: what an image archive is cached under and tagged with."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from pathlib import Path

from e2e.harness.errors import HarnessError

LENGTH = 12
# What a build or an editor leaves beside sources and no image ever holds.
IGNORED_FOLDERS = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})


def files_below(root: Path, inputs: Iterable[str]) -> list[Path]:
    """The files that `inputs` (files or folders, relative to `root`) stand for, sorted.

    Raises HarnessError for an input that does not exist: a typing error would else hide changes.
    """
    found: set[Path] = set()
    for name in inputs:
        path = root / name
        if path.is_dir():
            found.update(
                file
                for file in path.rglob("*")
                if file.is_file() and not IGNORED_FOLDERS.intersection(file.parts)
            )
        elif path.is_file():
            found.add(path)
        else:
            raise HarnessError(f"{name} is named as an input of an image and does not exist")
    return sorted(found)


def fingerprint(root: Path, files: Iterable[Path], salt: Iterable[str] = ()) -> str:
    """LENGTH hex digits that change with any file's name below `root`, content or execute bit.

    `salt`: what else decides the outcome, such as the fingerprint of the base image.
    """
    total = hashlib.sha256()
    for word in salt:
        total.update(f"salt {word}\n".encode())
    for file in sorted(files):
        executable = bool(file.stat().st_mode & stat.S_IXUSR)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(root)} {executable} {digest}\n".encode())
    return total.hexdigest()[:LENGTH]
