"""A restart with everything in place: how long until the operator knows, and what it writes."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.reconcile.operator_process import OperatorProcess
from bench.reconcile.waiting import Look, Observer, until


@dataclass(frozen=True)
class Restart:
    """Seconds from the start of the new process; its CPU until quiet, its memory so far."""

    ready_seconds: float
    leading_seconds: float
    quiet_seconds: float
    reconciles: int
    writes: int
    reads: int
    operator_cpu_seconds: float
    peak_rss_mib: float


async def restart(
    observer: Observer,
    start: Callable[[], OperatorProcess],
    is_ready: Callable[[OperatorProcess], Awaitable[bool]],
) -> tuple[Restart, Observer]:
    """End the operator, start another, and wait until it has looked at everything.

    The caller stops the process of the observer that is given back.
    """
    before: Look = await observer.look()
    observer.operator.process.stop(grace_seconds=20.0)
    started = time.monotonic()
    operator = start()
    try:
        await until(lambda: is_ready(operator))
        ready = time.monotonic()
        await until(operator.leads)
        leading = time.monotonic()
        following = Observer(observer.cluster, operator, observer.apiserver_pid, observer.etcd_pid)
        quiet = await following.until_quiet()
    except BaseException:
        operator.process.stop(grace_seconds=20.0)
        raise
    counts = quiet.counts.since(before.counts)
    return (
        Restart(
            ready_seconds=ready - started,
            leading_seconds=leading - started,
            quiet_seconds=quiet.at - started,
            reconciles=quiet.reconciles,
            writes=counts.writes,
            reads=sum(counts.requests.values()) - counts.writes,
            operator_cpu_seconds=quiet.operator_cpu_seconds,
            peak_rss_mib=operator.peak_rss_mib,
        ),
        following,
    )
