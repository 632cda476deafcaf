"""Pools: inferred from the nodes where nobody described one, else exactly the described ones."""

from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import CPU_IMAGE, DEFAULTS, GPU_IMAGE, node
from triton_operator.api.enums import AcceleratorKind
from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.planning.nodes import NodeFacts
from triton_operator.planning.pools import (
    GPU_NODE_LABELS,
    Pool,
    PoolDefaults,
    known_pools,
    nodes_of_pool,
)

MIXED = [node("c1"), node("c2"), node("g1", gpus=4)]


class Inferred(NamedTuple):
    name: str
    nodes: list[NodeFacts]
    expected: dict[str, bool]
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Inferred("cpu only", MIXED[:2], {"cpu": True}, "nobody has a GPU"),
        Inferred("mixed", MIXED, {"cpu": True, "gpu": True}, "each node belongs to one of both"),
        Inferred(
            "gpu only", MIXED[2:], {"cpu": False, "gpu": True}, "cpu stays as a place to grow"
        ),
        Inferred("no node", [], {"cpu": False}, "an autoscaled cluster may be empty right now"),
        Inferred(
            "gpu cordoned",
            [node("c1"), node("g1", gpus=1, cordoned=True)],
            {"cpu": True, "gpu": True},
            "draining a node must not move every service to another pool",
        ),
        Inferred(
            "gpu gone silent",
            [node("g1", gpus=1, ready=False)],
            {"cpu": False, "gpu": True},
            "nor must a node that is silent for a while",
        ),
    ],
    ids=lambda row: row.name,
)
def test_inferred_pools_and_whether_they_have_nodes(row: Inferred) -> None:
    pools = known_pools({}, row.nodes, DEFAULTS)

    assert {pool.name: pool.has_nodes for pool in pools} == row.expected, row.why
    assert all(pool.inferred for pool in pools)


def test_the_inferred_cpu_pool_leaves_gpu_nodes_alone() -> None:
    cpu, gpu = known_pools({}, MIXED, DEFAULTS)

    assert cpu.avoid_labels == GPU_NODE_LABELS
    assert (cpu.image, cpu.accelerator_resource) == (CPU_IMAGE, None)
    assert gpu.avoid_labels == ()
    assert (gpu.image, gpu.accelerator_resource) == (GPU_IMAGE, "nvidia.com/gpu")
    assert [taint.wire() for taint in gpu.tolerations] == [
        {"key": "nvidia.com/gpu", "operator": "Exists"}
    ]


def declared(**spec: Any) -> Pool:
    return only(ServingPoolSpec.model_validate(spec), MIXED, DEFAULTS)


def only(spec: ServingPoolSpec, nodes: list[NodeFacts], defaults: PoolDefaults) -> Pool:
    """The pool of a cluster with one ServingPool."""
    (pool,) = known_pools({"p": spec}, nodes, defaults)
    return pool


class Declared(NamedTuple):
    name: str
    spec: dict[str, Any]
    expected: dict[str, Any]
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Declared(
            "empty",
            {},
            {
                "kind": AcceleratorKind.CPU,
                "image": CPU_IMAGE,
                "avoid_labels": GPU_NODE_LABELS,
                "has_nodes": True,
                "inferred": False,
            },
            "a CPU pool without a selector must not fill GPU nodes",
        ),
        Declared(
            "accelerator",
            {"accelerator": {}},
            {
                "kind": AcceleratorKind.GPU,
                "image": GPU_IMAGE,
                "accelerator_resource": "nvidia.com/gpu",
                "avoid_labels": (),
                "has_nodes": True,
            },
            "an accelerator makes a GPU pool of the nodes that offer it",
        ),
        Declared(
            "other accelerator",
            {"accelerator": {"resource": "amd.com/gpu"}},
            {"accelerator_resource": "amd.com/gpu", "has_nodes": False},
            "no node offers that one",
        ),
        Declared(
            "own image",
            {"image": "registry.example/mine:1", "release": "26.09"},
            {"image": "registry.example/mine:1", "release": "26.09"},
            "what is stated counts",
        ),
        Declared(
            "own image, tag tells",
            {"image": "registry.example/mine:26.08-py3"},
            {"release": None},
            "the default's release says nothing about another image",
        ),
        Declared(
            "release only",
            {"release": "25.01"},
            {"image": CPU_IMAGE, "release": "25.01"},
            "stated beside the default image",
        ),
    ],
    ids=lambda row: row.name,
)
def test_declared_pool(row: Declared) -> None:
    pool = declared(**row.spec)

    assert {name: getattr(pool, name) for name in row.expected} == row.expected, row.why


def test_a_selector_is_the_users_word_about_which_nodes() -> None:
    pool = declared(nodeSelector={"disk": "ssd"})

    assert pool.avoid_labels == (), "who selects GPU nodes for a CPU pool means it"
    assert pool.node_selector == {"disk": "ssd"}


def test_price_energy_and_resources_arrive() -> None:
    pool = declared(
        cost={"perReplicaHour": "0.71"},
        energy={"wattsPerReplica": 72},
        replicaResources={"cpu": 4, "memory": "16Gi"},
        tolerations=[{"key": "dedicated", "value": "serving", "effect": "NoSchedule"}],
    )

    assert (str(pool.cost_per_replica_hour), pool.currency) == ("0.71", "USD")
    assert pool.watts_per_replica == 72
    assert (pool.replica_resources.cpu, pool.replica_resources.memory) == ("4", "16Gi")
    assert [taint.key for taint in pool.tolerations] == ["dedicated"]


def test_the_operators_own_release_goes_with_its_own_image() -> None:
    defaults = PoolDefaults("a/private:1", "24.10", "b/private:1", "26.09")

    assert [pool.release for pool in known_pools({}, MIXED, defaults)] == ["24.10", "26.09"]
    assert only(ServingPoolSpec(), [], defaults).release == "24.10"
    assert only(ServingPoolSpec(image="c/own:26.08-py3"), [], defaults).release is None


class Selected(NamedTuple):
    name: str
    spec: dict[str, Any]
    expected: list[str]
    why: str


LABELLED = [
    node("ssd", labels={"disk": "ssd"}),
    node("ssd-gpu", labels={"disk": "ssd"}, gpus=1),
    node("ssd-cordoned", labels={"disk": "ssd"}, cordoned=True),
    node("hdd", labels={"disk": "hdd"}),
    node("bare-gpu", gpus=1),
]


@pytest.mark.parametrize(
    "row",
    [
        Selected("nothing said", {}, ["ssd", "ssd-cordoned", "hdd"], "every node without a GPU"),
        Selected(
            "selector",
            {"nodeSelector": {"disk": "ssd"}},
            ["ssd", "ssd-gpu", "ssd-cordoned"],
            "the user's word",
        ),
        Selected("accelerator", {"accelerator": {}}, ["ssd-gpu", "bare-gpu"], "those that offer"),
        Selected(
            "both", {"accelerator": {}, "nodeSelector": {"disk": "ssd"}}, ["ssd-gpu"], "both hold"
        ),
        Selected("none", {"nodeSelector": {"disk": "tape"}}, [], "no such label"),
        Selected("label absent", {"nodeSelector": {"disk": ""}}, [], "absent is not empty"),
    ],
    ids=lambda row: row.name,
)
def test_nodes_of_a_pool(row: Selected) -> None:
    nodes = nodes_of_pool(ServingPoolSpec.model_validate(row.spec), LABELLED)

    assert [found.name for found in nodes] == row.expected, row.why


def test_nothing_is_inferred_once_somebody_described_a_pool() -> None:
    described = {"z": ServingPoolSpec(), "a": ServingPoolSpec.model_validate({"accelerator": {}})}

    pools = known_pools(described, MIXED, DEFAULTS)

    assert [pool.name for pool in pools] == ["a", "z"], "by name, so that order means nothing"
    assert not any(pool.inferred for pool in pools)
    assert [pool.name for pool in known_pools({}, MIXED, DEFAULTS)] == ["cpu", "gpu"]
