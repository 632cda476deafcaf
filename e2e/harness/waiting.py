"""Bounded waits that fail loudly, also when the component waited for has died."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from e2e.harness.errors import CommandFailedError, WaitTimeoutError
from e2e.harness.processes import Running, log_tail

POLL_SECONDS = 0.05


def wait_until(
    what: str,
    probe: Callable[[], bool],
    *,
    timeout_seconds: float,
    needs: Iterable[Running] = (),
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Poll `probe` until it returns True.

    An OSError, CommandFailedError or WaitTimeoutError raised by `probe` counts as "not yet". Raises
    ComponentDiedError as soon as one of `needs` has ended (else a stale process on the same port
    could answer for it), WaitTimeoutError after `timeout_seconds`.
    """
    components = list(needs)
    deadline = time.monotonic() + timeout_seconds
    last: Exception | None = None
    while True:
        for component in components:
            component.require_alive()
        try:
            if probe():
                return
            last = None
        except (OSError, CommandFailedError, WaitTimeoutError) as error:
            last = error
        if time.monotonic() >= deadline:
            break
        time.sleep(poll_seconds)
    seen = f"; last error: {last}" if last is not None else ""
    logs = "".join(f"\n  {c.name}: {log_tail(c.log)}" for c in components)
    raise WaitTimeoutError(f"{what}: not so after {timeout_seconds:.0f} s{seen}{logs}")
