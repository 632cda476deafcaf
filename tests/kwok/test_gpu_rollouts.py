"""Rollouts on accelerators: the new pod first where one is free, else the old one out first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest

from tests.api.client import Object
from tests.kwok.farm import NAMESPACE, Farm
from tests.kwok.kinds_of_nodes import GPU, GPU_TOLERATION, ONE_GPU, TWO_GPUS, KindOfNode
from tests.kwok.wishes import Wish
from triton_operator.api import labels

PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
MARK = {"name": "A", "value": "b"}
"""An environment variable that only the new template has."""
SURGE = {"maxSurge": 1, "maxUnavailable": 0}
DRAIN = {"maxSurge": 0, "maxUnavailable": 1}
DRAINS = f"no free {GPU} was found: a rollout ends an old pod before it starts the new one"


@dataclass(frozen=True)
class Rollout:
    """What happened to the pods of a service while it was rolled out, and how it was told.

    `strategies` are those that its Deployment had with the new template, in order.
    """

    events: list[Object]
    old: str
    new: str
    strategies: list[Object]
    reasons: str

    def first(self, pod: str, holds: Callable[[str, Object], bool]) -> int:
        """The place of the first event of a pod, by uid, that is like this."""
        return next(
            place
            for place, event in enumerate(self.events)
            if event["object"]["metadata"]["uid"] == pod and holds(event["type"], event["object"])
        )


def is_bound(_: str, pod: Object) -> bool:
    return "nodeName" in pod["spec"]


def is_ready(_: str, pod: Object) -> bool:
    rows = pod.get("status", {}).get("conditions", ())
    return any(row["type"] == "Ready" and row["status"] == "True" for row in rows)


def is_ending(kind: str, pod: Object) -> bool:
    return kind == "DELETED" or "deletionTimestamp" in pod["metadata"]


def is_gone(kind: str, _: Object) -> bool:
    return kind == "DELETED"


@pytest.fixture
def on_pool(farm: Farm) -> Iterator[Callable[[KindOfNode], Object]]:
    """Makes a pool with one service, which serves there."""
    made: list[tuple[KindOfNode, Object]] = []

    def make(kind: KindOfNode) -> Object:
        wish = Wish(f"on-{kind.pool}", kind.pool, "named", {"pools": [kind.pool]})
        service = wish.service(NAMESPACE, wish.name)
        farm.add(kind)
        made.append((kind, service))
        farm.api.create(service)
        farm.until_placed({wish.name: kind.pool})
        return service

    yield make
    for kind, service in made:
        farm.api.delete(service)
        farm.until("its pods to go", lambda: not _pods(farm, service["metadata"]["name"]))  # noqa: B023
        farm.remove(kind)


def _pods(farm: Farm, service: str) -> list[Object]:
    found = farm.api.request("GET", PODS, labelSelector=f"{labels.SERVICE}={service}")
    items: list[Object] = found["items"]
    return items


def roll_out(farm: Farm, service: Object) -> Rollout:
    """Change the pod template, and wait until every pod follows it."""
    name = service["metadata"]["name"]
    selector = f"{labels.SERVICE}={name}"
    before = farm.api.request("GET", PODS, labelSelector=selector)
    (old,) = before["items"]
    deployments = farm.api.request("GET", DEPLOYMENTS, labelSelector=selector)
    farm.api.merge(service, {"spec": {"runtime": {"env": [MARK]}}})

    def is_done() -> bool:
        seen = farm.service(name)
        return (
            seen["status"]["observedGeneration"] == seen["metadata"]["generation"]
            and farm.condition(seen, "Progressing")["reason"] == "RolledOut"
            and farm.condition(seen, "Ready")["status"] == "True"
            and len(_pods(farm, name)) == 1
        )

    farm.until(f"the rollout of {name}", is_done)
    (new,) = _pods(farm, name)
    row: Any = farm.service(name)["status"]["pools"][0]
    return Rollout(
        _history(farm, PODS, before, selector),
        old["metadata"]["uid"],
        new["metadata"]["uid"],
        _strategies(_history(farm, DEPLOYMENTS, deployments, selector)),
        " ".join(row["reasons"]),
    )


def _history(farm: Farm, path: str, since: Object, selector: str) -> list[Object]:
    version = since["metadata"]["resourceVersion"]
    return farm.api.history(path, version, labelSelector=selector)


def _strategies(events: list[Object]) -> list[Object]:
    specs = [event["object"]["spec"] for event in events]
    with_mark = [
        spec["strategy"]["rollingUpdate"]
        for spec in specs
        if MARK in spec["template"]["spec"]["containers"][0]["env"]
    ]
    return [strategy for strategy, _ in groupby(with_mark)]


def test_on_a_full_pool_the_old_pod_goes_first(
    farm: Farm, on_pool: Callable[[KindOfNode], Object]
) -> None:
    """Otherwise the new one would wait for the accelerator that the old one holds."""
    done = roll_out(farm, on_pool(ONE_GPU))

    assert done.strategies == [DRAIN]
    assert done.first(done.old, is_gone) < done.first(done.new, is_bound)
    assert f"{DRAINS}, and with one replica, requests fail meanwhile" in done.reasons


def test_with_a_free_accelerator_the_new_pod_comes_first(
    farm: Farm, on_pool: Callable[[KindOfNode], Object]
) -> None:
    done = roll_out(farm, on_pool(TWO_GPUS))

    assert done.strategies == [SURGE]
    assert done.first(done.new, is_ready) < done.first(done.old, is_ending)
    assert f"it needs a free {GPU}" in done.reasons


@pytest.fixture
def stranger(farm: Farm) -> Iterator[Object]:
    """Somebody else's pod that takes an accelerator of `TWO_GPUS`; not created yet."""
    container = {"name": "train", "image": "any", "resources": {"limits": {GPU: "1"}}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "training", "namespace": NAMESPACE},
        "spec": {
            "containers": [container],
            "nodeSelector": {"nvidia.com/gpu.product": TWO_GPUS.product},
            "tolerations": [GPU_TOLERATION],
        },
    }
    yield pod
    farm.api.delete(pod)


def test_where_somebody_else_has_the_last_one_the_rollout_changes_its_way(
    farm: Farm, on_pool: Callable[[KindOfNode], Object], stranger: Object
) -> None:
    """What others hold is not known; that the new pod finds no room is said by the scheduler."""
    service = on_pool(TWO_GPUS)
    farm.api.create(stranger)
    farm.until(
        "the stranger to have its accelerator",
        lambda: "nodeName" in farm.api.get(stranger)["spec"],
    )

    done = roll_out(farm, service)

    assert done.strategies == [SURGE, DRAIN]
    assert done.first(done.old, is_gone) < done.first(done.new, is_bound)
    assert DRAINS in done.reasons
