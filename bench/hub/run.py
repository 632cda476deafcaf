"""One run of the benchmark, from an empty control plane to the figures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bench.hub.endpoints import endpoints
from bench.hub.figures import Figures
from bench.hub.fleet import Fleet
from bench.hub.hub_process import HubProcess, Spent
from bench.hub.objects import FIRST_MILLISECONDS
from bench.hub.options import Options
from bench.hub.phases import Bench, Join, Rollout, Say, Wave, change, join, place, rest, wave
from bench.reconcile.cluster import Cluster
from bench.reconcile.figures import percentile
from bench.reconcile.objects import apply_crds, is_established
from bench.reconcile.waiting import until
from e2e.harness import processes
from e2e.harness.controlplane import ControlPlane
from e2e.harness.errors import HarnessError

START_SECONDS = 120.0


@dataclass(frozen=True)
class Results:
    """Everything that was seen. `written_at_rest`: works whose spec the hub has changed then."""

    options: Options
    join: Join
    place: Rollout
    rest: Spent
    written_at_rest: int
    change: Rollout
    with_dead: Rollout
    wave: Wave
    agents: list[str]
    failures: int
    figures: Figures


async def run(control_plane: ControlPlane, options: Options, say: Say) -> Results:
    """Measure against a control plane that nobody else uses.

    Raises:
        HarnessError: a process has ended, or a phase took longer than its bound; the message has
            the end of the hub's log.
    """
    dead: set[str] = set()
    async with (
        Cluster(control_plane.url, control_plane.tls) as cluster,
        endpoints(dead) as addresses,
    ):
        async with asyncio.timeout(START_SECONDS):
            for crd in await apply_crds(cluster):
                await until(lambda crd=crd: is_established(cluster, crd))  # type: ignore[misc]
        hub = HubProcess.start(
            control_plane.kubeconfig,
            control_plane.directory / "log" / "triton-operator-hub.log",
            control_plane.apiserver_pid,
            options.profile,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await until(hub.leads)
            async with Fleet(control_plane, options, dead) as fleet:
                return await _measure(Bench(cluster, hub, fleet, options, say), addresses)
        except TimeoutError as error:
            raise HarnessError(
                f"A phase took longer than its bound of {options.phase_seconds:.0f} s "
                f"(--phase-seconds); {processes.log_tail(hub.process.log)}"
            ) from error
        finally:
            # cProfile writes its file at the very end.
            hub.process.stop(grace_seconds=20.0)


async def _measure(bench: Bench, addresses: str) -> Results:
    options, fleet, say = bench.options, bench.fleet, bench.say
    say(f"joining {options.members} clusters, {options.agents} of them with whole agents")
    joined = await join(bench, addresses)
    say(f"placing {options.services} service(s) on all of them")
    placed = await place(bench)
    say(f"watching {options.seconds:.0f} s of rest")
    written = fleet.news.writes
    resting = await rest(bench)
    written_at_rest = fleet.news.writes - written
    say("changing a service's template")
    changed = await change(bench, FIRST_MILLISECONDS + 1)
    # The last ones: clouds come first in names, and whole agents do.
    dead = fleet.edges[-options.dead :] if options.dead else []
    rest_of = [name for name in fleet.edges if name not in dead]
    slow = rest_of[-options.slow :] if options.slow else []
    say(f"changing it again, with {len(dead)} dead and {len(slow)} slow members")
    with_dead = await change(bench, FIRST_MILLISECONDS + 2, dead=dead, slow=slow)
    sites = [name for name in rest_of if name not in slow][: options.wave]
    say(f"a wave of demand at {len(sites)} edges for {options.wave_seconds:.0f} s")
    waved = await wave(bench, sites)
    seconds = list(changed.seconds.values())
    figures = Figures(
        members=options.members,
        join_seconds=joined.seconds,
        change_p50_seconds=percentile(seconds, 50),
        change_p99_seconds=percentile(seconds, 99),
        change_all_seconds=max(seconds),
        with_dead_p99_seconds=percentile(list(with_dead.seconds.values()), 99),
        hub_cores=max(one.spent.hub_cores for one in (placed, changed, with_dead, waved)),
        rest_cores=resting.hub_cores,
        peak_rss_mib=bench.hub.peak_rss_mib,
        rest_writes_per_minute=60 * resting.writes / resting.seconds,
    )
    return Results(
        options=options,
        join=joined,
        place=placed,
        rest=resting,
        written_at_rest=written_at_rest,
        change=changed,
        with_dead=with_dead,
        wave=waved,
        agents=fleet.agents,
        failures=fleet.failures,
        figures=figures,
    )
