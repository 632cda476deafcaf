"""A storm of pod events: what it costs the operator, and what a user's edit waits meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.reconcile.cluster import Cluster
from bench.reconcile.deployment_watch import DeploymentWatch
from bench.reconcile.objects import NAMESPACE, SERVICES
from bench.reconcile.waiting import Observer
from triton_operator.api import labels

PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SERVICE_ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
IN_FLIGHT = 16
EDIT_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class PodEvents:
    """What `events` changes of pods in `seconds` did; `edits` are latencies of edits meanwhile."""

    events: int
    seconds: float
    reconciles: int
    writes: int
    operator_cpu_seconds: float
    edits: list[float]


async def pod_events(
    cluster: Cluster,
    watch: DeploymentWatch,
    observer: Observer,
    names: Sequence[str],
    *,
    per_second: int,
    seconds: float,
) -> PodEvents:
    """One pod for each of `names`; their readiness flips, `per_second` times in all."""
    pods = [await _create(cluster, name) for name in names]
    before = await observer.until_quiet()
    edits: list[float] = []
    editing = asyncio.create_task(_edit(cluster, watch, names, edits))
    try:
        started = time.monotonic()
        sent = await _flip(cluster, pods, per_second, seconds)
        took = time.monotonic() - started
    finally:
        editing.cancel()
        await asyncio.gather(editing, return_exceptions=True)
    after = await observer.until_quiet()
    writes = after.counts.writes - before.counts.writes - sent - len(edits)
    return PodEvents(
        events=sent,
        seconds=took,
        reconciles=after.reconciles - before.reconciles,
        writes=writes,
        operator_cpu_seconds=after.operator_cpu_seconds - before.operator_cpu_seconds,
        edits=edits,
    )


async def _create(cluster: Cluster, service: str) -> str:
    """A pod as the Deployment of `service` would have it; nothing ever runs it."""
    deployments = await cluster.get(
        f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
        f"?labelSelector={labels.SERVICE}%3D{service}"
    )
    template = deployments["items"][0]["spec"]["template"]
    name = f"{service}-pod"
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": template["metadata"]["labels"],
        },
        "spec": template["spec"],
    }
    await cluster.create(PODS, body)
    return name


async def allow_pods(cluster: Cluster) -> None:
    """The ServiceAccount that a controller manager would have made: pods are refused without."""
    await cluster.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}})


async def _flip(cluster: Cluster, pods: Sequence[str], per_second: int, seconds: float) -> int:
    """Send the events at an even pace, as fast as they are answered where that is slower."""
    total = int(per_second * seconds)
    numbers = iter(range(total))
    started = time.monotonic()

    async def send() -> None:
        for number in numbers:
            await asyncio.sleep(max(0.0, started + number / per_second - time.monotonic()))
            round_number, pod = divmod(number, len(pods))
            await cluster.patch(f"{PODS}/{pods[pod]}/status", _status(ready=round_number % 2 == 0))

    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(send())
    return total


def _status(*, ready: bool) -> dict[str, Any]:
    state = "True" if ready else "False"
    return {
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": state}],
            "containerStatuses": [
                {
                    "name": "triton",
                    "ready": ready,
                    "started": True,
                    "restartCount": 0,
                    "image": "bench/none:1",
                    "imageID": "",
                    "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                }
            ],
        }
    }


async def _edit(
    cluster: Cluster, watch: DeploymentWatch, names: Sequence[str], latencies: list[float]
) -> None:
    for name in names:
        await asyncio.sleep(EDIT_EVERY_SECONDS)
        before = watch.last[name].template
        sent = time.monotonic()
        # Another bound than the one that the changes before this phase ended with.
        await cluster.patch(f"{SERVICES}/{name}", {"spec": {"batching": {"maxBatchSize": 3}}})
        await watch.until(lambda n=name, b=before: watch.last[n].template != b)  # type: ignore[misc]
        latencies.append(watch.last[name].at - sent)
