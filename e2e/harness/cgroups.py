"""The cgroup that holds all pods of a native cluster: in every hierarchy (v1) or the one (v2)."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from e2e.harness.errors import HarnessError
from e2e.harness.waiting import wait_until

REMOVE_TIMEOUT_SECONDS = 15.0
CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
# The kubelet demands these too, but only where the root has them.
OPTIONAL_CONTROLLERS = ("hugetlb", "io")


def hierarchies(mountinfo: str) -> list[tuple[Path, bool]]:
    """(mount point, is version 2) of each cgroup hierarchy in /proc/self/mountinfo."""
    found = {}
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind = rest.split()[0]
        if kind in ("cgroup", "cgroup2"):
            found[Path(fields.split()[4])] = kind == "cgroup2"
    return list(found.items())


def create(name: str) -> None:
    """Make the cgroup where the kubelet expects it. Raises HarnessError when a controller is
    missing.
    """
    mounted = _mounted()
    if not mounted:
        raise HarnessError("no cgroup hierarchy is mounted; the kubelet cannot run here")
    for root, version2 in mounted:
        if version2 and len(mounted) == 1:
            # Controllers are handed down one level at a time.
            wanted = _controllers(root)
            (root / "cgroup.subtree_control").write_text(" ".join(f"+{c}" for c in wanted))
        folder = root / name
        folder.mkdir(exist_ok=True)
        if not version2 and (root / "cpuset.cpus").exists():
            # Version 1 leaves a new cpuset empty, and no process can enter an empty one.
            for file in ("cpuset.cpus", "cpuset.mems"):
                (folder / file).write_text((root / file).read_text())


@contextlib.contextmanager
def favoured(name: str) -> Iterator[None]:
    """Give everything in the cgroup more processor time than all else on this machine.

    By default all pods together count as much as one process.
    """
    before: dict[Path, str] = {}
    try:
        for folder in folders(name):
            for file, weight in ((folder / "cpu.shares", 102400), (folder / "cpu.weight", 10000)):
                if file.exists():
                    before[file] = file.read_text()
                    file.write_text(str(weight))
        yield
    finally:
        for file, weight_before in before.items():
            file.write_text(weight_before)


def folders(name: str) -> list[Path]:
    """Where the cgroup exists now."""
    return [root / name for root, _ in _mounted() if (root / name).is_dir()]


def process_ids(name: str) -> set[int]:
    """All processes in the cgroup and below it."""
    found: set[int] = set()
    for folder in folders(name):
        for file in folder.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found.update(int(pid) for pid in file.read_text().split())
    # 0 stands for a process of another pid namespace.
    return found - {0}


def kill_all(name: str) -> None:
    """SIGKILL to everything in the cgroup; returns when it is empty."""

    def empty() -> bool:
        pids = process_ids(name)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    wait_until(f"emptying the cgroup {name}", empty, timeout_seconds=REMOVE_TIMEOUT_SECONDS)


def remove(name: str) -> None:
    """Remove the emptied cgroup and all below it, in every hierarchy."""

    def gone() -> bool:
        for folder in folders(name):
            below = sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True)
            for path in (*below, folder):
                path.rmdir()  # busy while a killed process is still being collected: try again
        return not folders(name)

    wait_until(f"removing the cgroup {name}", gone, timeout_seconds=REMOVE_TIMEOUT_SECONDS)


def _mounted() -> list[tuple[Path, bool]]:
    return hierarchies(Path("/proc/self/mountinfo").read_text())


def _controllers(root: Path) -> list[str]:
    """The controllers a version 2 root can hand down; HarnessError when a needed one is missing."""
    available = (root / "cgroup.controllers").read_text().split()
    missing = [c for c in CONTROLLERS if c not in available]
    if missing:
        raise HarnessError(
            f"the cgroup controllers {', '.join(missing)} are not available in {root}; "
            "the kubelet needs them (is this a container without its own cgroup tree?)"
        )
    return [c for c in (*CONTROLLERS, *OPTIONAL_CONTROLLERS) if c in available]
