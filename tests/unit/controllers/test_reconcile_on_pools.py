"""Replicas on two pools: who gets a Deployment, how many each has, and whose pods get requests."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.unit.controllers.answers import answer
from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.shell import FILETYPE, Shell
from tests.unit.controllers.world import (
    CPU,
    L4,
    absorb,
    edit,
    inspected,
    observed,
    pinned,
)
from tests.unit.planning.building import node_object
from triton_operator.api import labels, reasons
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome
from triton_operator.controllers.scaling_answer import ScalingAnswer

ON_GPU, ON_CPU = "filetype-l4", "filetype-cpu"
POOLS = (CPU, L4)
FULL = "pool l4 takes 2 replicas: others found no node"


def said(gpu: int, cpu: int, **parts: Any) -> ScalingAnswer:
    """So many replicas on each pool."""
    return replace(answer(), replicas={ON_GPU: gpu, ON_CPU: cpu}, **parts)


def seen(cluster: Cluster, said_last: ScalingAnswer | None = None) -> Outcome:
    return reconcile(observed(cluster, pools=POOLS, scaling=said_last))


def on_pools(gpu: int, cpu: int, **scaling: Any) -> Cluster:
    """A service that may use both pools, the GPUs first, and has so many ready replicas on each."""
    cluster = inspected()
    edit(hardware={"pools": ["l4", "cpu"]}, scaling=scaling)(cluster)
    absorb(cluster, seen(cluster, said(gpu, cpu)))
    for name in deployments(cluster):
        cluster.roll_out(name)
    absorb(cluster, seen(cluster, said(gpu, cpu)))
    return cluster


def deployments(cluster: Cluster) -> dict[str, int]:
    """Replicas by Deployment."""
    return {
        body["metadata"]["name"]: body["spec"]["replicas"] for body in cluster.of_kind("Deployment")
    }


def wanted(outcome: Outcome, kind: str) -> list[str]:
    """The names of what is applied of a kind."""
    return [one["metadata"]["name"] for one in outcome.apply if one["kind"] == kind]


def selector(outcome: Outcome) -> Body:
    """Of the Service over all pools."""
    (service,) = (
        one
        for one in outcome.apply
        if (one["kind"], one["metadata"]["name"]) == ("Service", "filetype")
    )
    found: Body = service["spec"]["selector"]
    return found


def rows(outcome: Outcome) -> dict[str, int]:
    """The pools of the status, with the replicas that are wanted there."""
    assert outcome.status is not None
    return {row["name"]: row["desiredReplicas"] for row in outcome.status["pools"]}


def test_a_pool_that_is_to_get_replicas_gets_its_children() -> None:
    cluster = on_pools(2, 0)
    assert wanted(seen(cluster), "Deployment") == [ON_GPU]
    assert wanted(seen(cluster), "Service") == ["filetype"]

    outcome = seen(cluster, said(2, 1))

    assert wanted(outcome, "Deployment") == [ON_GPU, ON_CPU]
    assert wanted(outcome, "Service") == [ON_GPU, ON_CPU, "filetype"]
    assert wanted(outcome, "PodDisruptionBudget") == [ON_GPU, ON_CPU]
    assert outcome.replicas == {ON_GPU: 2, ON_CPU: 1}
    assert rows(outcome) == {"l4": 2, "cpu": 1}
    assert outcome.status is not None
    assert (outcome.status["desiredReplicas"], outcome.status["poolNames"]) == (3, "l4,cpu")


def test_each_row_has_the_speed_of_its_own_replicas() -> None:
    outcome = seen(on_pools(2, 1), said(2, 1, safe_rates={"l4": 650.0, "cpu": 65.0}))

    assert outcome.status is not None
    shown = {row["name"]: row["capacityPerReplica"] for row in outcome.status["pools"]}
    assert shown == {"l4": "650/s", "cpu": "65/s"}


def test_a_pool_keeps_its_row_until_its_last_pod_is_gone_and_its_children_go_then() -> None:
    cluster = on_pools(2, 1)

    absorb(cluster, seen(cluster, said(3, 0)))
    cluster.roll_out(ON_GPU)
    outcome = seen(cluster, said(3, 0))
    assert rows(outcome) == {"l4": 3, "cpu": 0}, "its pod ends"
    assert outcome.delete == ()

    cluster.roll_out(ON_CPU)
    outcome = seen(cluster, said(3, 0))
    assert rows(outcome) == {"l4": 3}
    gone = {(child.kind, child.name) for child in outcome.delete if child.kind != "ConfigMap"}
    # The pools' own Services are wanted with several pools only.
    assert gone == {
        ("Deployment", ON_CPU),
        ("PodDisruptionBudget", ON_CPU),
        ("Service", ON_CPU),
        ("Service", ON_GPU),
    }
    assert "ConfigMap" in {child.kind for child in outcome.delete}


def test_a_new_operator_changes_nothing_in_either_pool() -> None:
    """Also where the first one alone has fewer than minReplicas."""
    cluster = on_pools(2, 3, minReplicas=4)

    outcome = seen(cluster)

    assert outcome.replicas == {ON_GPU: 2, ON_CPU: 3}
    assert outcome.delete == ()


@dataclass(frozen=True)
class Bounds:
    name: str
    why: str
    scaling: Mapping[str, Any]
    said: ScalingAnswer
    replicas: Mapping[str, int]


@pytest.mark.parametrize(
    "row",
    [
        Bounds("within", "each its own", {}, said(2, 5), {ON_GPU: 2, ON_CPU: 5}),
        Bounds(
            "above",
            "of all together; who serves stays, and the first pool is wanted most",
            {"maxReplicas": 4},
            said(4, 4),
            {ON_GPU: 3, ON_CPU: 1},
        ),
        Bounds(
            "far above",
            "even of those who serve",
            {"maxReplicas": 2},
            said(4, 4),
            {ON_GPU: 2, ON_CPU: 0},
        ),
        Bounds(
            "below",
            "the lower bound is of all together",
            {"minReplicas": 5},
            said(2, 1),
            {ON_GPU: 4, ON_CPU: 1},
        ),
        Bounds("at the lower one", "", {"minReplicas": 3}, said(2, 1), {ON_GPU: 2, ON_CPU: 1}),
        Bounds("moved over", "", {"minReplicas": 3}, said(0, 6), {ON_GPU: 0, ON_CPU: 6}),
        Bounds(
            "not to be followed",
            "somebody else's autoscaler has one of the pools",
            {},
            said(5, 5, scales=False),
            {ON_GPU: 2, ON_CPU: 1},
        ),
        Bounds(
            "none",
            "nothing would tell of the first request",
            {"minReplicas": 0},
            said(2, 1),
            {ON_GPU: 0, ON_CPU: 0},
        ),
    ],
    ids=lambda row: row.name,
)
def test_bounds_are_of_all_pools_together(row: Bounds) -> None:
    cluster = on_pools(2, 1)
    edit(scaling=row.scaling)(cluster)

    outcome = seen(cluster, row.said)

    assert outcome.replicas == row.replicas, row.why
    assert rows(outcome) == {"l4": row.replicas[ON_GPU], "cpu": row.replicas[ON_CPU]}


def test_of_too_many_replicas_those_that_serve_stay() -> None:
    """The GPUs' are on their way: without the others nobody would answer."""
    cluster = on_pools(0, 3)
    absorb(cluster, seen(cluster, said(3, 3)))
    edit(scaling={"maxReplicas": 4})(cluster)

    assert seen(cluster, said(3, 3)).replicas == {ON_GPU: 1, ON_CPU: 3}


@pytest.mark.parametrize(
    ("alone", "pool"), [(None, None), ("l4", "l4"), ("cpu", "cpu"), ("gone", None)]
)
def test_requests_go_to_one_pool_alone_while_it_is_better(
    alone: str | None, pool: str | None
) -> None:
    cluster = on_pools(2, 1)

    found = selector(seen(cluster, said(2, 1, alone=alone)))

    assert found.get(labels.POOL) == pool
    assert found[labels.SERVICE] == "filetype"


def test_with_one_pool_in_use_nobody_is_kept_from_requests() -> None:
    """The answer is as old as the last news; without this, moving on would end at an empty pool."""
    cluster = on_pools(2, 0)

    assert labels.POOL not in selector(seen(cluster, said(2, 0, alone="cpu")))


def test_pods_that_go_first_are_named_for_each_pool() -> None:
    first = {ON_GPU: ("filetype-l4-b", "filetype-l4-a"), ON_CPU: ("filetype-cpu-a",)}

    assert seen(on_pools(2, 1), said(1, 0, removable=first)).removable == first


@pytest.mark.parametrize(
    "scaling",
    [{"mode": "Fixed", "minReplicas": 3}, {"minReplicas": 3, "maxReplicas": 3}],
    ids=["fixed", "bounds that meet"],
)
def test_a_fixed_number_is_the_first_pools(scaling: dict[str, Any]) -> None:
    """And the others go when it is complete, not before."""
    cluster = on_pools(2, 1)
    edit(scaling=scaling)(cluster)

    outcome = seen(cluster, said(2, 1))

    assert outcome.replicas == {ON_GPU: 3}
    assert outcome.delete == ()
    absorb(cluster, outcome)
    cluster.roll_out(ON_GPU)
    assert ON_CPU in {child.name for child in seen(cluster, said(2, 1)).delete}


def test_external_replicas_are_the_first_pools() -> None:
    cluster = on_pools(2, 0)
    edit(scaling={"mode": "External"})(cluster)

    outcome = seen(cluster, said(2, 1))

    assert wanted(outcome, "Deployment") == [ON_GPU]
    assert outcome.replicas == {}


@pytest.mark.parametrize("rate", [212.0, None], ids=["with metrics", "without any"])
def test_a_full_pool_is_said(rate: float | None) -> None:
    """By the scheduler, which needs no metrics to know."""
    limited = said(3, 1, limits={reasons.UNSCHEDULABLE: FULL})
    figures = replace(limited.figures, rate=rate)

    outcome = seen(on_pools(2, 1), replace(limited, figures=figures))

    assert outcome.status is not None
    (found,) = (
        row for row in outcome.status["conditions"] if row["type"] == reasons.SCALING_LIMITED
    )
    assert (found["status"], found["reason"]) == ("True", reasons.UNSCHEDULABLE)
    assert found["message"].startswith(FULL)


@pytest.mark.parametrize(
    ("free", "drains"), [(0, True), (1, False)], ids=["no free GPU", "a free GPU"]
)
def test_each_pool_is_rolled_out_in_its_own_way(free: int, drains: bool) -> None:
    cluster = on_pools(2, 1)
    edit(batching={"maxBatchSize": 2})(cluster)
    facts = replace(
        observed(cluster, pools=POOLS, scaling=said(2, 1)), free_accelerators={"l4": free}
    )

    ways = {
        one["metadata"]["name"]: one["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
        for one in reconcile(facts).apply
        if one["kind"] == "Deployment"
    }

    assert ways[ON_CPU] != 0, "nothing is scarce there"
    assert (ways[ON_GPU] == 0) is drains


class Watcher:
    """An operator in a cluster of both kinds of node, and every Ready that its status has had."""

    def __init__(self) -> None:
        cluster = pinned()
        edit(hardware={"pools": ["gpu", "cpu"]}, scaling={"minReplicas": 2})(cluster)
        cluster.put(node_object("cpu-1"))
        cluster.put(node_object("gpu-1", gpus=2))
        self.shell = Shell(cluster)
        self.readies: list[str] = []

    async def rest(self) -> None:
        await self.shell.run()
        self.readies.append(self.shell.condition("Ready"))

    async def say(self, gpu: int, cpu: int) -> None:
        replicas = {"filetype-gpu": gpu, "filetype-cpu": cpu}
        self.shell.autoscaler.say(FILETYPE, replace(answer(), replicas=replicas))
        await self.rest()

    async def roll_out(self, pool: str, ready: int | None = None) -> None:
        self.shell.cluster.roll_out(f"filetype-{pool}", ready=ready)
        await self.rest()


def play(scenario: Callable[[Watcher], Any]) -> Watcher:
    watcher = Watcher()

    async def all_of_it() -> None:
        await watcher.rest()
        await watcher.roll_out("gpu")
        watcher.readies.clear()
        await scenario(watcher)

    asyncio.run(all_of_it())
    return watcher


def test_ready_stays_true_while_replicas_spill_over_and_come_back() -> None:
    """From the first moment in which the second pool has a Deployment that nobody has noticed."""

    async def scenario(watcher: Watcher) -> None:
        await watcher.say(3, 0)
        await watcher.roll_out("gpu", ready=2)
        await watcher.say(3, 1)
        await watcher.roll_out("cpu", ready=0)
        await watcher.roll_out("cpu")
        assert deployments(watcher.shell.cluster) == {"filetype-gpu": 3, "filetype-cpu": 1}
        await watcher.roll_out("gpu")
        await watcher.say(3, 0)
        await watcher.roll_out("cpu")

    watcher = play(scenario)

    assert set(watcher.readies) == {"True Serving"}
    assert deployments(watcher.shell.cluster) == {"filetype-gpu": 3}
    assert [body["metadata"]["name"] for body in watcher.shell.cluster.of_kind("Service")] == [
        "filetype"
    ]


def test_a_new_template_on_both_pools_is_a_rollout() -> None:
    async def scenario(watcher: Watcher) -> None:
        await watcher.say(2, 1)
        await watcher.roll_out("cpu")
        edit(batching={"maxBatchSize": 2})(watcher.shell.cluster)
        await watcher.rest()

    assert play(scenario).readies[-1] == "Unknown RollingOut"
