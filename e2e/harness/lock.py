"""One lock file per thing that two runs must not touch at once."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.harness.errors import MachineInUseError
from e2e.harness.progress import say

POLL_SECONDS = 0.2


@contextmanager
def exclusive(path: Path, what: str, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock file `path` while the body runs; wait for another holder at most
    `timeout_seconds`.

    The kernel frees the lock when its holder ends in any way, so a stale file never blocks. Raises
    MachineInUseError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        deadline = time.monotonic() + timeout_seconds
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                handle.seek(0)
                holder = handle.read().strip() or "unknown"
                if time.monotonic() >= deadline:
                    raise MachineInUseError(
                        f"{what}: process {holder} has held {path} for {timeout_seconds:.0f} s; "
                        "wait for it or end it"
                    ) from None
                if not told:
                    say(f"… {what}: waiting for process {holder}, which is at it too")
                    told = True
                time.sleep(POLL_SECONDS)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield
