"""Whether the replica's cores are its own: what others do there counts for nobody.

Asked by trying: how much of a core does a busy thread of ours get? What the kernel gives only to
those whom nobody else keeps waiting (SCHED_IDLE) does not matter then, and it should not.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

PROBE_SECONDS = 0.15
OWN_SHARE = 0.92
"""From which on a core counts as ours."""


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


def is_ours(cores: Sequence[int]) -> bool:
    """Whether the cores do what we ask of them, and little else."""
    return own_share(cores) >= OWN_SHARE
