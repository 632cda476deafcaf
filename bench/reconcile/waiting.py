"""Bounded waits for a condition."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.reconcile.cluster import Cluster
from bench.reconcile.operator_process import OperatorProcess
from bench.reconcile.process_usage import cpu_seconds
from bench.reconcile.request_counts import RequestCounts

QUIET_SECONDS = 2.0
# A look costs kube-apiserver some 50 ms of CPU: its /metrics are megabytes.
QUIET_POLL_SECONDS = 0.5


async def until(condition: Callable[[], Awaitable[bool]], poll_seconds: float = 0.02) -> None:
    """Ask again and again until `condition` holds; bounded by the caller's asyncio.timeout."""
    while not await condition():  # noqa: ASYNC110  # the condition is in another process
        await asyncio.sleep(poll_seconds)


@dataclass(frozen=True)
class Look:
    """Counters and clocks at one moment (`at`: monotonic seconds)."""

    at: float
    counts: RequestCounts
    reconciles: int
    operator_cpu_seconds: float
    apiserver_cpu_seconds: float
    etcd_cpu_seconds: float


@dataclass(frozen=True)
class Observer:
    """Takes looks at the three processes."""

    cluster: Cluster
    operator: OperatorProcess
    apiserver_pid: int
    etcd_pid: int

    async def look(self) -> Look:
        """Clocks are read before the count, whose own cost then belongs to what follows."""
        clocks = (
            self.operator.cpu_seconds,
            cpu_seconds(self.apiserver_pid),
            cpu_seconds(self.etcd_pid),
        )
        at = time.monotonic()
        reconciles = await self.operator.reconciles()
        return Look(at, await self.cluster.request_counts(), reconciles, *clocks)

    async def until_quiet(self) -> Look:
        """Wait until nothing is written and the operator is idle, for QUIET_SECONDS.

        The look is the first one of the quiet time, so that waiting for it costs nothing.
        """
        first = await self.look()
        while True:
            await asyncio.sleep(QUIET_POLL_SECONDS)
            self.operator.process.require_alive()
            now = await self.look()
            if now.counts.writes != first.counts.writes or not await self.operator.is_idle():
                first = now
            elif now.at - first.at >= QUIET_SECONDS:
                return first
