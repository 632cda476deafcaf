"""Whether the replica's cores are its own: what others do there counts for nobody.

Before a run that is asked by trying: how much of a core does a busy thread of ours get? What the
kernel gives only to those whom nobody else keeps waiting (SCHED_IDLE) does not matter then, and it
should not. Of a run the kernel itself tells how long Triton's threads were ready and had to wait,
and how long others ran on its cores meanwhile: Triton's own threads wait for each other too.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROBE_SECONDS = 0.15
OWN_SHARE = 0.92
"""From which on a core counts as ours."""
MOST_WAITED = 0.15
"""Of the time that Triton's threads wanted a core. Alone on one they wait for each other for a
moment at every request, which is much of it where a model takes no time."""
MOST_OTHERS = 0.06
"""Of the cores, by others. The watcher of pauses takes some 0.03 of them."""
MOST_BEHIND = 0.1
"""Of the objective, by requests that the generator itself sent too late."""

_EVERYTHING = Path("/sys/fs/cgroup/cpuacct/cpuacct.usage_percpu")


@dataclass(frozen=True)
class Scheduled:
    """Seconds that the threads of a session ran, and that they were ready and waited.

    `by_all`: for how long anything at all ran on the session's cores; None: not known.
    """

    ran: float
    waited: float
    by_all: float | None = None


def is_ours(cores: Sequence[int]) -> bool:
    """Whether the cores do what we ask of them, and little else."""
    return own_share(cores) >= OWN_SHARE


def own_share(cores: Sequence[int]) -> float:
    """The least share of one of the cores that a busy thread gets, 0 to 1. Takes `PROBE_SECONDS`
    for each; nothing else of ours should run there meanwhile."""
    shares: list[float] = []

    def spin(core: int) -> None:
        os.sched_setaffinity(0, {core})  # of this thread alone
        began, used = time.monotonic(), time.thread_time()
        while (now := time.monotonic()) < began + PROBE_SECONDS:
            pass
        shares.append((time.thread_time() - used) / (now - began))

    for core in cores:
        thread = threading.Thread(target=spin, args=(core,))
        thread.start()
        thread.join()
    return min(shares)


def waited_for_others(before: Scheduled, after: Scheduled, threads: int, cores: int) -> float:
    """How long Triton waited for others, of the time in which it wanted to run.

    More busy threads than cores wait for each other: on one core, each of two for as long as both
    run together. So much is taken off.
    """
    ran = after.ran - before.ran
    own = max(0, threads - cores) / cores * ran
    others = max(0.0, after.waited - before.waited - own)
    return others / (ran + others) if others > 0 else 0.0


def share_of_others(
    before: Scheduled, after: Scheduled, seconds: float, cores: int
) -> float | None:
    """How much of the cores others had between both, `seconds` apart; None: not known."""
    if before.by_all is None or after.by_all is None:
        return None
    return (after.by_all - before.by_all - (after.ran - before.ran)) / (seconds * cores)


def scheduled(session: int, cores: Sequence[int]) -> Scheduled:
    """Now, since the processes of the session began; nothing where the kernel does not count it.

    `cores` are those that the session keeps to.
    """
    ran = waited = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) != session:
                continue
            for thread in (folder / "task").iterdir():
                fields = (thread / "schedstat").read_text().split()
                ran, waited = ran + int(fields[0]), waited + int(fields[1])
        except OSError:
            continue
    return Scheduled(ran / 1e9, waited / 1e9, _run_on(cores))


def _run_on(cores: Sequence[int]) -> float | None:
    """Seconds for which anything at all ran on the cores, since the machine began; None where the
    kernel does not tell (it does with cgroups of version 1)."""
    try:
        counts = _EVERYTHING.read_text().split()
    except OSError:
        return None
    return sum(int(counts[core]) for core in cores) / 1e9


def is_disturbed(waited: float, others: float | None, behind: float) -> bool:
    """Whether a run says nothing: by how long Triton waited for a core of the time in which it
    wanted one, the share of its cores that others took (None: not known), and by how much of the
    objective the generator was late."""
    by_others = waited > MOST_WAITED and (others is None or others > MOST_OTHERS)
    return by_others or behind > MOST_BEHIND


def session_of(word: str) -> int:
    """The session of the process that has `word` among the words of its command line.

    Raises:
        LookupError: there is none.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if word.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                return os.getsid(int(folder.name))
        except OSError:
            continue
    raise LookupError(f"no process has {word} on its command line")
