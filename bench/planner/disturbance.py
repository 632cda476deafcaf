"""How much of the replica's cores others used during a run: what they do counts for nobody."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class CpuTime:
    """Seconds that the cores were busy, and those of them that a session's processes used."""

    busy: float
    own: float


def cpu_time(cores: Sequence[int], session: int) -> CpuTime:
    """Now, since the machine started. `session`: of Triton, which leads one of its own."""
    return CpuTime(_busy(cores), _own(session))


def others_share(before: CpuTime, after: CpuTime, seconds: float, cores: int) -> float:
    """Of what the cores could do in these seconds."""
    others = (after.busy - before.busy) - (after.own - before.own)
    return max(0.0, others / (seconds * cores)) if seconds > 0 else 0.0


def session_of(word: str) -> int:
    """The session of the process that has `word` among the words of its command line.

    Raises:
        LookupError: there is none.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in words:
            return os.getsid(int(folder.name))
    raise LookupError(f"no process has {word} on its command line")


def _busy(cores: Sequence[int]) -> float:
    names = {f"cpu{core}" for core in cores}
    total = 0.0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *numbers = line.split()
        if name in names:
            # user, nice, system, (idle, iowait,) irq, softirq, steal
            user, nice, system, _, _, irq, softirq, steal = map(int, numbers[:8])
            total += user + nice + system + irq + softirq + steal
    return total / _TICKS


def _own(session: int) -> float:
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            total += int(fields[11]) + int(fields[12])
    return total / _TICKS
