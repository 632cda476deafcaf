"""Nodes: what counts, what a heartbeat leaves alone, what they offer together."""

from typing import NamedTuple

import pytest

from tests.unit.planning.building import node, node_object
from triton_operator.planning.nodes import NodeFacts, node_facts, total_allocatable


class Schedulable(NamedTuple):
    name: str
    facts: NodeFacts
    expected: bool
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Schedulable("ready", node("a"), True, "the happy path"),
        Schedulable("not ready", node("a", ready=False), False, "its kubelet is silent"),
        Schedulable("cordoned", node("a", cordoned=True), False, "somebody said so"),
        Schedulable(
            "just joined",
            node_facts({"metadata": {"name": "a"}}),
            False,
            "no condition yet: nothing is known of it",
        ),
    ],
    ids=lambda row: row.name,
)
def test_schedulable(row: Schedulable) -> None:
    assert row.facts.schedulable is row.expected, row.why


def test_a_heartbeat_leaves_the_facts_equal() -> None:
    before = node_object("a", gpus=1)
    after = node_object("a", gpus=1)
    after["metadata"]["resourceVersion"] = "77"
    after["status"]["conditions"][1]["lastHeartbeatTime"] = "2026-11-20T10:00:00Z"

    assert node_facts(after) == node_facts(before)


def test_a_resource_is_offered_by_count() -> None:
    without, exhausted = node("a"), node("b", gpus=1)
    exhausted = node_facts({**node_object("b"), "status": {"allocatable": {"nvidia.com/gpu": "0"}}})

    assert node("c", gpus=2).offers("nvidia.com/gpu")
    assert not without.offers("nvidia.com/gpu")
    assert not exhausted.offers("nvidia.com/gpu"), "a broken device plug-in reports 0"


def test_together_in_kubernetes_words() -> None:
    nodes = [node("a", cpu="3920m", memory="1024Ki"), node("b", gpus=2), node("c", gpus=1)]

    assert total_allocatable(nodes) == {
        "cpu": "19920m",
        "memory": str(1024 * 1024 + 2 * 32 * 2**30),
        "nvidia.com/gpu": "3",
    }


def test_nothing_together_is_zero() -> None:
    assert total_allocatable([]) == {"cpu": "0", "memory": "0"}
