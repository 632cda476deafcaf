"""One run of the benchmark, from an empty control plane to the figures."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.reconcile.cluster import Cluster
from bench.reconcile.deployment_watch import DeploymentWatch
from bench.reconcile.figures import Figures, percentile
from bench.reconcile.objects import (
    PROFILES,
    apply_crds,
    is_established,
    model_profile,
    service_name,
)
from bench.reconcile.operator_process import OperatorProcess
from bench.reconcile.phases import Burst, Rest, Say, burst, changes, rest
from bench.reconcile.pod_events import PodEvents, allow_pods, pod_events
from bench.reconcile.process_usage import cpu_seconds
from bench.reconcile.restart import Restart, restart
from bench.reconcile.waiting import Observer, until
from e2e.harness import processes
from e2e.harness.controlplane import ControlPlane
from e2e.harness.errors import HarnessError

START_SECONDS = 60.0
CALM_POLL_SECONDS = 1.0
CALM_CPU_SHARE = 0.15


@dataclass(frozen=True)
class Options:
    """What is measured. `phase_seconds` bounds each phase."""

    services: int = 1000
    concurrency: int = 16
    changes: int = 100
    rest_seconds: float = 60.0
    pod_events_per_second: int = 200
    pod_events_seconds: float = 20.0
    phase_seconds: float = 300.0
    operator_options: Sequence[str] = ()
    profile: Path | None = None


@dataclass(frozen=True)
class Results:
    """Everything that was seen; latencies of changes in seconds."""

    options: Options
    burst: Burst
    changes: list[float]
    rest: Rest
    pod_events: PodEvents
    restart: Restart
    figures: Figures


async def run(control_plane: ControlPlane, options: Options, say: Say) -> Results:
    """Measure against a control plane that nobody else uses.

    Raises:
        HarnessError: a process has ended, or a phase took longer than its bound; the message has
            the end of the log.
    """
    async with Cluster(control_plane.url, control_plane.tls) as cluster:
        async with asyncio.timeout(START_SECONDS):
            digest = await _install(cluster)

        def start(profile: Path | None = None) -> OperatorProcess:
            return OperatorProcess.start(
                control_plane.kubeconfig,
                control_plane.directory / "log" / "triton-operator.log",
                options.operator_options,
                profile,
            )

        operator = start(options.profile)
        try:
            observer = Observer(
                cluster, operator, control_plane.apiserver_pid, control_plane.etcd_pid
            )
            async with asyncio.timeout(START_SECONDS):
                await until(lambda: _is_ready(operator))
                await _until_calm(control_plane.apiserver_pid)
            first, latencies, resting, events, peak = await _measure(
                cluster, observer, options, digest, say
            )
            say("restarting the operator")
            async with asyncio.timeout(options.phase_seconds):
                restarted, following = await restart(observer, start, _is_ready)
            operator = following.operator
            figures = _figures(first, latencies, resting, events, restarted, peak)
            return Results(options, first, latencies, resting, events, restarted, figures)
        except TimeoutError as error:
            raise HarnessError(
                f"A phase took longer than its bound of {options.phase_seconds:.0f} s "
                f"(--phase-seconds); {processes.log_tail(operator.process.log)}"
            ) from error
        finally:
            # Kopf waits for its watches; cProfile writes its file at the very end.
            operator.process.stop(grace_seconds=20.0)


async def _install(cluster: Cluster) -> str:
    """Put the CRDs and the profile there; the profile's digest."""
    for crd in await apply_crds(cluster):
        await until(lambda crd=crd: is_established(cluster, crd))  # type: ignore[misc]
    profile = model_profile()
    await cluster.create(PROFILES, profile)
    return str(profile["spec"]["digest"])


async def _is_ready(operator: OperatorProcess) -> bool:
    operator.process.require_alive()
    return await operator.is_ready()


async def _until_calm(apiserver_pid: int) -> None:
    """Wait until kube-apiserver has done what it does after a start and for new CRDs."""
    before = cpu_seconds(apiserver_pid)
    while True:
        await asyncio.sleep(CALM_POLL_SECONDS)
        now = cpu_seconds(apiserver_pid)
        if now - before < CALM_CPU_SHARE * CALM_POLL_SECONDS:
            return
        before = now


async def _measure(
    cluster: Cluster, observer: Observer, options: Options, digest: str, say: Say
) -> tuple[Burst, list[float], Rest, PodEvents, float]:
    """What one operator process does; the last value is its peak memory in MiB, after the burst."""
    async with DeploymentWatch(cluster) as watch:
        say(f"creating {options.services} services, {options.concurrency} at a time")
        async with asyncio.timeout(options.phase_seconds):
            first = await burst(
                cluster,
                watch,
                observer,
                services=options.services,
                concurrency=options.concurrency,
                digest=digest,
                say=say,
            )
        peak = observer.operator.peak_rss_mib
        say(f"changing {options.changes} services, one after the other")
        async with asyncio.timeout(options.phase_seconds):
            latencies = await changes(
                cluster,
                watch,
                observer,
                services=options.services,
                count=options.changes,
                say=say,
            )
            await observer.until_quiet()
        say(f"watching {options.rest_seconds:.0f} s of rest")
        resting = await rest(observer, seconds=options.rest_seconds)
        rate, seconds = options.pod_events_per_second, options.pod_events_seconds
        say(f"{rate} pod events a second for {seconds:.0f} s")
        async with asyncio.timeout(options.phase_seconds):
            await allow_pods(cluster)
            events = await pod_events(
                cluster,
                watch,
                observer,
                [service_name(number) for number in range(min(options.services, rate))],
                per_second=rate,
                seconds=seconds,
            )
    return first, latencies, resting, events, peak


def _figures(
    first: Burst,
    latencies: list[float],
    resting: Rest,
    events: PodEvents,
    restarted: Restart,
    peak_rss_mib: float,
) -> Figures:
    return Figures(
        services=len(first.latencies),
        total_seconds=first.total_seconds,
        p50_seconds=percentile(first.latencies, 50),
        p99_seconds=percentile(first.latencies, 99),
        change_p99_seconds=percentile(latencies, 99),
        cpu_seconds=first.quiet.operator_cpu_seconds - first.before.operator_cpu_seconds,
        peak_rss_mib=peak_rss_mib,
        rest_cpu_seconds_per_minute=resting.cpu_seconds,
        rest_writes_per_minute=resting.writes,
        pod_events_per_second=events.events / events.seconds,
        pod_events_cpu_share=events.operator_cpu_seconds / events.seconds,
        pod_events_change_p99_seconds=percentile(events.edits, 99),
        restart_ready_seconds=restarted.ready_seconds,
        restart_quiet_seconds=restarted.quiet_seconds,
        restart_writes=restarted.writes,
    )
