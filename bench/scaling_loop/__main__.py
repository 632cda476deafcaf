"""`python -m bench.scaling_loop`: a thousand services, looked at by the operator's own loop.

The autoscaler, its source and the store are the operator's; services, Deployments and pods are put
into the store, and the pods' metrics come over real connections on loopback from another process:
from the pods themselves or, with `--source prometheus`, from a real Prometheus that scrapes them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.scaling_loop.pods import METRICS_PORT, PODS, address
from e2e.harness.prometheus_server import prometheus_server
from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.autoscaling.scaling_question import PoolQuestion, ScalingQuestion
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.sources.batch_reader import BatchReader
from triton_operator.autoscaling.sources.metric_source import MetricSource
from triton_operator.autoscaling.sources.pod_requests import PodRequests
from triton_operator.autoscaling.sources.prometheus import Prometheus
from triton_operator.autoscaling.sources.prometheus_connection import PrometheusAddress
from triton_operator.autoscaling.sources.scrape import Scraper
from triton_operator.controllers import kinds
from triton_operator.controllers.autoscaler import Autoscaler
from triton_operator.controllers.keys import Key
from triton_operator.controllers.store import Store

OBJECTIVE_MILLISECONDS = 250
NAMESPACE = "bench"
SCRAPE_SECONDS = 5
"""Of the Prometheus."""
SOURCES = ("pods", "prometheus")


class Lag:
    """How late the event loop is, in seconds."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    async def watch(self) -> None:
        """Look every ten milliseconds."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 0.01
            await asyncio.sleep(0.01)
            self.seen.append(loop.time() - due)


def pod_name(number: int) -> str:
    """A pod's name, by its number from 0."""
    return f"s{number // PODS}-{number % PODS}"


@contextlib.contextmanager
def scraping(services: int) -> Iterator[str]:
    """The URL of a Prometheus that scrapes every pod."""
    targets = {
        f"{address(number)}:{METRICS_PORT}": {"namespace": NAMESPACE, "pod": pod_name(number)}
        for number in range(services * PODS)
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        prometheus_server(Path(folder), targets, scrape_seconds=SCRAPE_SECONDS) as (url, _),
    ):
        yield url


def fill(store: Store, services: int) -> dict[Key, ScalingQuestion]:
    """Services with ready pods, as watches would show them; the question of each."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    questions = {}
    for number in range(services):
        name, uid = f"s{number}", f"uid-{number}"
        ours = {labels.SERVICE: name, labels.OWNER_UID: uid, labels.POOL: "cpu"}
        meta = {"namespace": NAMESPACE, "resourceVersion": "1", "generation": 1}
        store.put(
            kinds.INFERENCE_SERVICE,
            {
                "apiVersion": API_VERSION,
                "metadata": {**meta, "name": name, "uid": uid},
                "spec": {},
            },
        )
        store.put(
            kinds.DEPLOYMENT,
            {
                "metadata": {**meta, "name": f"{name}-cpu", "uid": f"d-{uid}", "labels": ours},
                "spec": {"replicas": PODS},
                "status": {},
            },
        )
        for pod in range(PODS):
            store.put(
                kinds.POD, _pod(meta, pod_name(number * PODS + pod), ours, number * PODS + pod, now)
            )
        questions[Key("InferenceService", NAMESPACE, name)] = ScalingQuestion(
            namespace=NAMESPACE,
            model="m",
            objective_milliseconds=OBJECTIVE_MILLISECONDS,
            settings=ScalingSettings(OBJECTIVE_MILLISECONDS / 1000),
            pools=(PoolQuestion("cpu", f"{name}-cpu", 8, 1),),
        )
    return questions


def _pod(
    meta: dict[str, Any], name: str, ours: dict[str, str], number: int, now: str
) -> dict[str, Any]:
    return {
        "metadata": {
            **meta,
            "name": name,
            "uid": f"p-{name}",
            "labels": {**ours, labels.ROLE: labels.SERVE},
            "creationTimestamp": now,
        },
        "spec": {"nodeName": "n"},
        "status": {
            "phase": "Running",
            "podIP": address(number),
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
            "containerStatuses": [
                {
                    "name": "triton",
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": now}},
                }
            ],
        },
    }


async def measure(
    services: int, seconds: float, settle: float, prometheus: str | None
) -> dict[str, float]:
    """Figures of `seconds`, after the loop has found its pace for `settle` seconds.

    `prometheus` is the URL of the one that is asked; None: the pods are.
    """
    store = Store()
    questions = fill(store, services)
    requests = PodRequests()
    source: MetricSource = Scraper(requests, time.time)
    if prometheus is not None:
        source = Prometheus(PrometheusAddress(prometheus), time.time)
    told = 0

    def concern(keys: Iterable[Key]) -> None:
        nonlocal told
        told += len(list(keys))

    autoscaler = Autoscaler(
        store=store,
        source=source,
        batches=BatchReader(requests, time.time),
        concern=concern,
        now=time.time,
        randomness=random.Random(1),
        log=DecisionLog(),
        # As the chart advises: half the time between two scrapes.
        every_seconds=1.0 if prometheus is None else SCRAPE_SECONDS / 2,
    )
    for key, question in questions.items():
        autoscaler.follow(key, question)
    running = asyncio.create_task(autoscaler.run())
    await asyncio.sleep(settle)
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    looks, busy, began, said = autoscaler.looks, time.process_time(), time.monotonic(), told
    await asyncio.sleep(seconds)
    passed = time.monotonic() - began
    figures = {
        "services": services,
        "cores": round((time.process_time() - busy) / passed, 3),
        "looks_per_second": round((autoscaler.looks - looks) / passed, 1),
        "tick_seconds": round(autoscaler.pace.tick_seconds, 2),
        "told_per_second": round((told - said) / passed, 2),
        "failures": autoscaler.failures,
        "loop_lag_p99_ms": round(1000 * sorted(lag.seen)[int(0.99 * len(lag.seen))], 1),
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    for task in (running, watching):
        task.cancel()
    await asyncio.gather(running, watching, return_exceptions=True)
    await autoscaler.close()
    await requests.close()
    return figures


async def run(options: argparse.Namespace) -> dict[str, float]:
    """The figures of both sides."""
    pods = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.scaling_loop.pods", str(options.services * PODS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert pods.stdout
    assert pods.stdin
    await pods.stdout.readline()
    try:
        with contextlib.ExitStack() as stack:
            prometheus = None
            if options.source == "prometheus":
                prometheus = stack.enter_context(scraping(options.services))
            figures = await measure(options.services, options.seconds, options.settle, prometheus)
    finally:
        pods.stdin.close()
        asked = await pods.stdout.readline()
        await pods.wait()
    return {**figures, **json.loads(asked)}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    parser.add_argument("--settle", type=float, default=60.0, help="before that, to find the pace")
    parser.add_argument("--source", choices=SOURCES, default=SOURCES[0], help="who is asked")
    figures = asyncio.run(run(parser.parse_args()))
    table = Table("figure", "value", title="Looking at services")
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), str(value))
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
