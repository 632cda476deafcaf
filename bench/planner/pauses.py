"""When the machine itself stood still, as its host gave a core to somebody else.

A virtual machine is not told of that everywhere: steal time stays 0, and the CPU time of a thread
goes on. So a process of real-time priority on each core, which no program keeps waiting, sleeps for
a moment and looks at the clock when it wakes. What the kernel itself does without a break is seen
as a pause too.

`python -m bench.planner.pauses --core N FILE` is such a process.
"""

from __future__ import annotations

import argparse
import mmap
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from e2e.harness.processes import Running, start
from e2e.harness.waiting import wait_until

PERIOD_SECONDS = 0.002
LEAST_SECONDS = 0.0015
"""Beyond the period: what is shorter is the clock's own inaccuracy, or not worth a word."""
START_SECONDS = 30.0
_PRIORITY = 50
_COUNT, _PAUSE = struct.Struct("=Q"), struct.Struct("=dd")
_MOST = 1 << 15
"""Pauses that a file holds; then the oldest go."""
_BYTES = _COUNT.size + _MOST * _PAUSE.size
Pause = tuple[float, float]
"""From and to, as `time.monotonic` has it."""


class PauseFile:
    """Pauses of one core, written by one process and read by others while it writes."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _BYTES)

    @staticmethod
    def create(path: Path) -> None:
        """Make it, without a pause."""
        path.write_bytes(bytes(_BYTES))

    def add(self, pause: Pause) -> None:
        """The newest pause; the count comes last, so that no reader sees half of one."""
        (count,) = _COUNT.unpack_from(self._memory)
        _PAUSE.pack_into(self._memory, _COUNT.size + count % _MOST * _PAUSE.size, *pause)
        _COUNT.pack_into(self._memory, 0, count + 1)

    def since(self, moment: float) -> Iterator[Pause]:
        """Those that ended later, newest first."""
        (count,) = _COUNT.unpack_from(self._memory)
        for number in range(count - 1, max(-1, count - _MOST), -1):
            place = _COUNT.size + number % _MOST * _PAUSE.size
            began, ended = _PAUSE.unpack_from(self._memory, place)
            if ended <= moment:
                return
            yield began, ended


def paused_seconds(pauses: Sequence[Pause], begin: float, end: float) -> float:
    """How long at least one of the cores stood still between two moments."""
    total, covered = 0.0, begin
    for began, ended in sorted(pauses):
        began, ended = max(began, covered), min(ended, end)
        if ended > began:
            total += ended - began
            covered = ended
    return total


def reader(paths: Sequence[Path]) -> Callable[[float, float], float]:
    """Seconds paused between two moments, of the cores with these files."""
    files = [PauseFile(path) for path in paths]

    def paused(begin: float, end: float) -> float:
        return paused_seconds([one for file in files for one in file.since(begin)], begin, end)

    return paused


@contextmanager
def watched(cores: Sequence[int], folder: Path) -> Iterator[tuple[Path, ...]]:
    """Files with the pauses of these cores, while the body runs.

    Raises:
        HarnessError: a watcher cannot run, as where real-time priority is not allowed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / f"core-{core}.pauses" for core in cores)
    with ExitStack() as stack:
        for core, path in zip(cores, paths, strict=True):
            PauseFile.create(path)
            ready = path.with_suffix(".ready")
            ready.unlink(missing_ok=True)
            words = ["-m", "bench.planner.pauses", "--core", str(core), str(path), str(ready)]
            process: Running = start(
                f"the watcher of core {core}",
                [sys.executable, *words],
                path.with_suffix(".log"),
                ends_with_us=True,
            )
            stack.callback(path.unlink, missing_ok=True)
            stack.callback(process.stop)
            wait_until(
                f"the watcher of core {core}",
                ready.exists,
                timeout_seconds=START_SECONDS,
                needs=[process],
            )
        yield paths


def main(words: Sequence[str]) -> int:
    """Runs until it is ended."""
    parser = argparse.ArgumentParser(prog="python -m bench.planner.pauses")
    parser.add_argument("--core", type=int, required=True)
    parser.add_argument("file", type=Path)
    parser.add_argument("ready", type=Path)
    given = parser.parse_args(words)
    pauses = PauseFile(given.file)
    os.sched_setaffinity(0, {given.core})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    given.ready.touch()
    longest = PERIOD_SECONDS + LEAST_SECONDS
    last = time.monotonic()
    while True:
        time.sleep(PERIOD_SECONDS)
        now = time.monotonic()
        if now - last > longest:
            # It was awake at `last`, and should have been a period later.
            pauses.add((last + PERIOD_SECONDS, now))
        last = now


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
