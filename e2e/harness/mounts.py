"""Mounts below a folder, and how to be rid of them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from e2e.harness.commands import run

_OCTAL = re.compile(r"\\([0-7]{3})")
ROUNDS = 5


def parse_mountinfo(text: str) -> list[Path]:
    """Mount points in /proc/self/mountinfo's order (field 5, octal escapes resolved)."""
    return [
        Path(_OCTAL.sub(lambda code: chr(int(code[1], 8)), line.split()[4]))
        for line in text.splitlines()
    ]


def mounts_below(folder: Path) -> list[Path]:
    """Mount points at or below `folder`, newest first: the order in which they can be unmounted."""
    points = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    root = folder.resolve()
    return [point for point in reversed(points) if point == root or root in point.parents]


def unmount_below(folder: Path) -> None:
    """Unmount everything at or below `folder`; what is busy is detached, so nobody can enter it."""
    for _ in range(ROUNDS):  # a mount may hide another at the same place
        points = mounts_below(folder)
        if not points:
            return
        for point in points:
            if os.path.ismount(point) or point.exists():
                run(["umount", "--lazy", "--", point], timeout_seconds=30)
