"""The three things that are measured: a burst, single changes, and rest."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.reconcile.cluster import Cluster
from bench.reconcile.deployment_watch import DeploymentWatch
from bench.reconcile.objects import SERVICES, edit, inference_service, service_name
from bench.reconcile.waiting import Look, Observer, until

Say = Callable[[str], None]
PROGRESS_SECONDS = 2.0


@dataclass(frozen=True)
class Burst:
    """Latencies in seconds, one per service; looks from before and from when it was quiet."""

    total_seconds: float
    created_seconds: float
    latencies: list[float]
    before: Look
    quiet: Look


async def burst(
    cluster: Cluster,
    watch: DeploymentWatch,
    observer: Observer,
    *,
    services: int,
    concurrency: int,
    digest: str,
    say: Say,
) -> Burst:
    """Create all services, `concurrency` at a time, and wait for every Deployment and for quiet."""
    names = iter([service_name(number) for number in range(services)])
    answered: dict[str, float] = {}

    async def create() -> None:
        for name in names:
            await cluster.create(SERVICES, inference_service(name, digest))
            answered[name] = time.monotonic()

    before = await observer.look()
    progress = asyncio.create_task(_progress(answered, watch, observer, services, say))
    started = time.monotonic()
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(create())
        created = time.monotonic()
        await watch.until(lambda: len(watch.first) == services)
    finally:
        progress.cancel()
        await asyncio.gather(progress, return_exceptions=True)
    say(f"all {services} Deployments are there; waiting for quiet")
    last = max(sighting.at for sighting in watch.first.values())
    return Burst(
        total_seconds=last - started,
        created_seconds=created - started,
        # A Deployment may be seen before the answer to its service's create: that is no wait.
        latencies=[max(0.0, watch.first[name].at - at) for name, at in answered.items()],
        before=before,
        quiet=await observer.until_quiet(),
    )


async def _progress(
    answered: dict[str, float],
    watch: DeploymentWatch,
    observer: Observer,
    services: int,
    say: Say,
) -> None:
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        observer.operator.process.require_alive()
        say(f"{len(answered)} of {services} created, {len(watch.first)} Deployments seen")


async def changes(
    cluster: Cluster,
    watch: DeploymentWatch,
    observer: Observer,
    *,
    services: int,
    count: int,
    say: Say,
) -> list[float]:
    """Edit one service after the other; seconds from each edit to its Deployment's new template."""
    latencies = []
    for number in range(count):
        name = service_name(number * services // count % services)
        before = watch.last[name].template
        sent = time.monotonic()
        await cluster.patch(f"{SERVICES}/{name}", edit(number))
        await watch.until(lambda n=name, b=before: watch.last[n].template != b)  # type: ignore[misc]
        latencies.append(watch.last[name].at - sent)
        # The status that follows is part of this change, not of the next one.
        await until(observer.operator.is_idle)
        if (number + 1) % 20 == 0:
            say(f"{number + 1} of {count} changes")
    return latencies


@dataclass(frozen=True)
class Rest:
    """What happens while nothing does, per minute."""

    cpu_seconds: float
    writes: float
    reads: float


async def rest(observer: Observer, *, seconds: float) -> Rest:
    """Look twice, and do nothing in between."""
    before = await observer.look()
    await asyncio.sleep(seconds)
    after = await observer.look()
    minutes = (after.at - before.at) / 60
    counts = after.counts.since(before.counts)
    return Rest(
        cpu_seconds=(after.operator_cpu_seconds - before.operator_cpu_seconds) / minutes,
        writes=counts.writes / minutes,
        reads=(sum(counts.requests.values()) - counts.writes) / minutes,
    )
