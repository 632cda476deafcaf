"""What is measured, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field

from bench.hub.fleet import Fleet
from bench.hub.hub_process import HubProcess, Spent
from bench.hub.objects import (
    CLUSTERS,
    FIRST_MILLISECONDS,
    NAMESPACE,
    SERVICES,
    cluster_name,
    inference_cluster,
    inference_service,
    objective,
    service_name,
)
from bench.hub.options import Options
from bench.reconcile.cluster import Cluster
from triton_operator.api.enums import ConnectionState
from triton_operator.fleet.works import work_name

Say = Callable[[str], None]
PROGRESS_SECONDS = 5.0
AT_ONCE = 16
WAVE_FACTOR = 4.0
"""What an edge's clients ask for then is 8 replicas, where 3.6 may stay."""


@dataclass
class Bench:
    """Everything that the phases use."""

    cluster: Cluster
    hub: HubProcess
    fleet: Fleet
    options: Options
    say: Say

    @contextlib.asynccontextmanager
    async def saying(self, progress: Callable[[], str]) -> AsyncIterator[None]:
        """Say how far it is, every few seconds, and that the hub still runs."""

        async def speak() -> None:
            while True:
                await asyncio.sleep(PROGRESS_SECONDS)
                self.hub.process.require_alive()
                self.say(progress())

        async with asyncio.timeout(self.options.phase_seconds):
            speaking = asyncio.create_task(speak())
            try:
                yield
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)


@dataclass(frozen=True)
class Join:
    """From the first InferenceCluster to the last mailbox, and to the last one that is trusted."""

    seconds: float
    connected_seconds: float
    spent: Spent


async def join(bench: Bench, endpoints: str) -> Join:
    """Make all clusters; each member begins once its mailbox is there."""
    options, news = bench.options, bench.fleet.news
    numbers = iter(range(options.members))

    async def create() -> None:
        for number in numbers:
            await bench.cluster.create(CLUSTERS, inference_cluster(number, options, endpoints))

    def connected() -> int:
        return list(news.states.values()).count(ConnectionState.CONNECTED.value)

    def progress() -> str:
        return f"{len(news.mailboxes)} mailboxes of {options.members}, {connected()} Connected"

    before = await bench.hub.look()
    async with bench.saying(progress):
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(create())
        await bench.fleet.until(lambda: len(news.mailboxes) == options.members)
        after = await bench.hub.look()
        await bench.fleet.until(lambda: connected() == options.members)
    return Join(
        seconds=max(news.mailboxes.values()) - before.at,
        connected_seconds=time.monotonic() - before.at,
        spent=Spent.between(before, after),
    )


@dataclass(frozen=True)
class Rollout:
    """Seconds until it is in force, by cluster, of those that were waited for; `written`: until the
    hub had written their works."""

    seconds: dict[str, float]
    spent: Spent
    written: dict[str, float]
    late: dict[str, float] = field(default_factory=dict)
    """Of slow members."""


async def place(bench: Bench) -> Rollout:
    """Make the services, and wait until all clusters have them."""
    names = [cluster_name(number) for number in range(bench.options.members)]
    before = await bench.hub.look()
    for number in range(bench.options.services):
        await bench.cluster.create(SERVICES, inference_service(number))
    found = [
        await _in_force(bench, number, FIRST_MILLISECONDS, before.at, names)
        for number in range(bench.options.services)
    ]
    seconds = {name: max(one[name] for one in found) for name in names}
    spent = Spent.between(before, await bench.hub.look())
    return Rollout(seconds, spent, _written(bench, FIRST_MILLISECONDS, before.at, names))


async def change(
    bench: Bench, milliseconds: int, *, dead: Sequence[str] = (), slow: Sequence[str] = ()
) -> Rollout:
    """Edit the first service's template; `dead` die, and `slow` become slow, at that moment."""
    fleet = bench.fleet
    await fleet.kill(dead)
    for name in slow:
        fleet.sites[name].slow_down(bench.options.slow_seconds)
    apart = {*dead, *slow}
    names = [name for name in map(cluster_name, range(bench.options.members)) if name not in apart]
    before = await bench.hub.look()
    await bench.cluster.patch(f"{SERVICES}/{service_name(0)}", {"spec": objective(milliseconds)})
    seconds = await _in_force(bench, 0, milliseconds, before.at, names)
    spent = Spent.between(before, await bench.hub.look())
    late = await _in_force(bench, 0, milliseconds, before.at, slow) if slow else {}
    work, seen = work_name(NAMESPACE, service_name(0)), fleet.news.in_force
    assert not any((work, name, milliseconds) in seen for name in dead), "a dead one has answered"
    return Rollout(seconds, spent, _written(bench, milliseconds, before.at, names), late)


def _written(
    bench: Bench, milliseconds: int, since: float, names: Collection[str]
) -> dict[str, float]:
    """Seconds until the works of the first service were written."""
    work, written = work_name(NAMESPACE, service_name(0)), bench.fleet.news.written
    return {name: written[work, name, milliseconds] - since for name in names}


async def _in_force(
    bench: Bench, service: int, milliseconds: int, since: float, names: Collection[str]
) -> dict[str, float]:
    """Seconds from `since` until an edit was in force, for each of these clusters."""
    seen, work = bench.fleet.news.in_force, work_name(NAMESPACE, service_name(service))

    def missing() -> int:
        return sum((work, name, milliseconds) not in seen for name in names)

    async with bench.saying(lambda: f"{work}: not in force in {missing()} of {len(names)}"):
        await bench.fleet.until(lambda: not missing())
    return {name: seen[work, name, milliseconds] - since for name in names}


@dataclass(frozen=True)
class Wave:
    """What demand at some sites changes: `works` whose spec the hub wrote, in how many clusters;
    `first_seconds` until the first of them was written, None: none was."""

    sites: int
    works: int
    first_seconds: float | None
    spent: Spent


async def wave(bench: Bench, sites: Sequence[str]) -> Wave:
    """More demand at some edges than they can serve, for a while."""
    news, options = bench.fleet.news, bench.options
    first: float | None = None
    before, writes = await bench.hub.look(), news.writes
    for name in sites:
        bench.fleet.sites[name].multiply_demand(WAVE_FACTOR)
    end = before.at + options.wave_seconds
    async with bench.saying(lambda: f"{news.writes - writes} works are written"):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(options.wave_seconds):
                await bench.fleet.until(lambda: news.writes > writes)
                first = time.monotonic() - before.at
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, end - time.monotonic())):
                await bench.fleet.until(lambda: False)
    spent = Spent.between(before, await bench.hub.look())
    return Wave(len(sites), news.writes - writes, first, spent)


async def rest(bench: Bench) -> Spent:
    """Look twice, and do nothing in between."""
    before = await bench.hub.look()
    async with bench.saying(lambda: "at rest"):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(bench.options.seconds):
                await bench.fleet.until(lambda: False)
    return Spent.between(before, await bench.hub.look())
