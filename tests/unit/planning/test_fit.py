"""Fit: which requirement fails on how many nodes, on real-looking nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.planning.building import DEFAULTS, facts, node, spec
from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.planning.fit import ReplicaNeed, Verdict, fit_of
from triton_operator.planning.nodes import NodeFacts
from triton_operator.planning.placement import NO_POOL_FITS
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.pools import Pool, known_pools
from triton_operator.planning.refusal import Refusal

GIB = 2**30
L4 = {"nvidia.com/gpu.product": "NVIDIA-L4"}
MIG = "nvidia.com/mig-1g.10gb"
GPU_TAINT = ("nvidia.com/gpu", "present", "NoSchedule")


def pool_of(nodes: Sequence[NodeFacts], **parts: Any) -> Pool:
    (pool,) = known_pools({"p": ServingPoolSpec.model_validate(parts)}, nodes, DEFAULTS)
    return pool


def need(cpu: int = 1, gibibytes: int = 1, accelerators: int = 0) -> ReplicaNeed:
    return ReplicaNeed(cpu * 1000, gibibytes * GIB, accelerators, ("amd64", "arm64"))


@dataclass(frozen=True)
class Row:
    name: str
    nodes: list[NodeFacts]
    verdict: Verdict
    need: ReplicaNeed = field(default_factory=need)
    pool: Mapping[str, Any] = field(default_factory=dict)
    counted: str = ""


ROWS = [
    Row("small", [node("a")], Verdict.FITS),
    Row("whole node", [node("a", cpu="8", memory="32Gi")], Verdict.FITS, need(8, 32)),
    Row("no node", [], Verdict.EMPTY),
    Row(
        "too little memory",
        [node("a"), node("b"), node("c", memory="16Gi")],
        Verdict.MISFIT,
        need(1, 40),
        counted="3 nodes: 3 have at most 32Gi < 40Gi memory",
    ),
    Row(
        "too little CPU",
        [node("a", cpu="3920m")],
        Verdict.MISFIT,
        need(4),
        counted="1 node: 1 has 3920m < 4 CPU",
    ),
    Row(
        "one large node is enough", [node("a"), node("b", memory="64Gi")], Verdict.FITS, need(1, 40)
    ),
    Row(
        "a node too small and one too poor",
        [node("a", cpu="64"), node("b", memory="64Gi")],
        Verdict.MISFIT,
        need(32, 40),
        counted="2 nodes: 1 has 8 < 32 CPU, 1 has 32Gi < 40Gi memory",
    ),
    Row(
        "issue's example",
        [
            *(node(f"plain-{n}", labels=L4, memory="64Gi") for n in range(8)),
            *(node(f"gpu-{n}", labels=L4, gpus=1) for n in range(4)),
        ],
        Verdict.MISFIT,
        need(1, 40, 1),
        {"nodeSelector": L4, "accelerator": {}},
        "12 nodes: 8 lack nvidia.com/gpu, 4 have 32Gi < 40Gi memory",
    ),
    Row(
        "other nodes of the cluster are none of a GPU pool without a selector",
        [node("a"), node("b")],
        Verdict.EMPTY,
        need(accelerators=1),
        {"accelerator": {}},
    ),
    Row(
        "two devices of a node with one",
        [node("a", gpus=1), node("b", gpus=1)],
        Verdict.MISFIT,
        need(accelerators=2),
        {"accelerator": {"countPerReplica": 2}},
        "2 nodes: 2 have 1 < 2 nvidia.com/gpu",
    ),
    Row(
        "two devices",
        [node("a", gpus=1), node("b", gpus=2)],
        Verdict.FITS,
        need(accelerators=2),
        {"accelerator": {"countPerReplica": 2}},
    ),
    Row(
        "MIG slice",
        [node("a", devices={MIG: 7})],
        Verdict.FITS,
        need(accelerators=1),
        {"accelerator": {"resource": MIG}},
    ),
    Row(
        "MIG slices of another size",
        [node("a", labels={"pool": "mig"}, devices={"nvidia.com/mig-2g.20gb": 3})],
        Verdict.MISFIT,
        need(accelerators=1),
        {"accelerator": {"resource": MIG}, "nodeSelector": {"pool": "mig"}},
        f"1 node: 1 lacks {MIG}",
    ),
    Row(
        "two MIG slices",
        [node("a", devices={MIG: 7})],
        Verdict.MISFIT,
        need(accelerators=2),
        {"accelerator": {"resource": MIG}},
        f"a replica asks for 2 {MIG}, but a process can use only one MIG device",
    ),
    *(
        Row(
            f"vendor's resource {resource}",
            [node("a", devices={resource: 1}), node("b", gpus=1)],
            Verdict.FITS,
            need(accelerators=1),
            {"accelerator": {"resource": resource}},
        )
        for resource in ("amd.com/gpu", "gpu.intel.com/i915", "example.com/npu")
    ),
    Row(
        "product",
        [node("a", labels={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}, gpus=1)],
        Verdict.EMPTY,
        need(accelerators=1),
        {"accelerator": {"product": "NVIDIA-L4"}},
    ),
    Row(
        "taint",
        [node("a", gpus=1, taints=[GPU_TAINT])],
        Verdict.MISFIT,
        need(accelerators=1),
        {"accelerator": {}},
        "1 node: 1 has the taint nvidia.com/gpu=present:NoSchedule, which the pool does not "
        "tolerate",
    ),
    *(
        Row(
            f"tolerated by {toleration}",
            [node("a", gpus=1, taints=[GPU_TAINT])],
            verdict,
            need(accelerators=1),
            {"accelerator": {}, "tolerations": [toleration]},
            "1 node: 1 has the taint nvidia.com/gpu=present:NoSchedule, which the pool does not "
            "tolerate"
            if verdict is Verdict.MISFIT
            else "",
        )
        for toleration, verdict in (
            ({"key": "nvidia.com/gpu", "operator": "Exists"}, Verdict.FITS),
            ({"operator": "Exists"}, Verdict.FITS),
            ({"key": "nvidia.com/gpu", "value": "present"}, Verdict.FITS),
            ({"key": "nvidia.com/gpu", "value": "absent"}, Verdict.MISFIT),
            (
                {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoExecute"},
                Verdict.MISFIT,
            ),
            ({"key": "amd.com/gpu", "operator": "Exists"}, Verdict.MISFIT),
        )
    ),
    Row(
        "a wish keeps no pod away",
        [node("a", taints=[("spot", "", "PreferNoSchedule")])],
        Verdict.FITS,
    ),
    Row("cordoned", [node("a", cordoned=True)], Verdict.FITS),
    Row("silent", [node("a", ready=False)], Verdict.FITS),
    Row(
        "pressure passes",
        [node("a", taints=[("node.kubernetes.io/memory-pressure", "", "NoSchedule")])],
        Verdict.FITS,
    ),
    Row(
        "architecture",
        [node("a", architecture="riscv64"), node("b", architecture="s390x")],
        Verdict.MISFIT,
        counted="2 nodes: 1 is riscv64 and the image is for amd64 and arm64, 1 is s390x and the "
        "image is for amd64 and arm64",
    ),
    Row("Arm", [node("a", architecture="arm64")], Verdict.FITS),
    Row(
        "an image of one's own may be for any processor",
        [node("a", architecture="riscv64")],
        Verdict.FITS,
        ReplicaNeed(1000, GIB),
    ),
    Row(
        "Windows",
        [node("a", operating_system="windows")],
        Verdict.MISFIT,
        counted="1 node: 1 runs windows",
    ),
    Row(
        "above the pool's bound",
        [node("a", cpu="64")],
        Verdict.MISFIT,
        need(32),
        {"maxPerReplica": {"cpu": "16"}},
        "a replica asks for 32 CPU, the pool's spec.maxPerReplica allows 16",
    ),
    Row(
        "memory above the pool's bound",
        [node("a")],
        Verdict.MISFIT,
        need(1, 8),
        {"maxPerReplica": {"memory": "4Gi"}},
        "a replica asks for 8Gi memory, the pool's spec.maxPerReplica allows 4Gi",
    ),
    Row(
        "accelerators above the pool's bound",
        [node("a", gpus=8)],
        Verdict.MISFIT,
        need(accelerators=4),
        {"accelerator": {}, "maxPerReplica": {"accelerators": 2}},
        "a replica asks for 4 nvidia.com/gpu, the pool's spec.maxPerReplica allows 2",
    ),
    Row("at the pool's bound", [node("a")], Verdict.FITS, need(4), {"maxPerReplica": {"cpu": "4"}}),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_fit(row: Row) -> None:
    fit = fit_of(pool_of(row.nodes, **row.pool), row.need)

    assert fit.verdict is row.verdict
    assert fit.counted == row.counted


def test_why_holds_for_any_number_of_nodes() -> None:
    """It goes into the status of services that run elsewhere; numbers would change it each day."""
    few, many = (
        fit_of(pool_of([node(f"n-{i}") for i in range(count)]), need(1, 40)) for count in (2, 9)
    )

    assert few.why == many.why == "have 32Gi < 40Gi memory"
    assert few.counted != many.counted


def cluster() -> dict[str, ServingPoolSpec]:
    return {
        name: ServingPoolSpec.model_validate(spec)
        for name, spec in {
            "l4": {"nodeSelector": L4, "accelerator": {}, "cost": {"perReplicaHour": "0.71"}},
            "cpu": {"cost": {"perReplicaHour": "0.08"}},
            "big": {"nodeSelector": {"size": "big"}, "cost": {"perReplicaHour": "0.90"}},
        }.items()
    }


NODES = [
    node("c1"),
    node("c2"),
    node("g1", labels=L4, gpus=1),
    node("b1", labels={"size": "big"}, memory="512Gi", gpus=8),
]


def planned(nodes: Sequence[NodeFacts] = NODES, **hardware: Any) -> Plan | Refusal:
    wanted = spec(hardware=hardware)
    return plan_service(wanted, facts(), known_pools(cluster(), nodes, DEFAULTS))


def test_the_cheapest_pool_that_takes_a_replica() -> None:
    plan = planned(resources={"memory": "100Gi"})

    assert isinstance(plan, Plan)
    (row,) = plan.pools
    assert row.pool.name == "big"
    assert plan.standby == ()
    assert "pool big first: the only one that fits" in row.reasons
    assert "pool cpu is passed over: have 32Gi < 100Gi memory" in row.reasons


def test_of_named_pools_the_first_that_takes_a_replica() -> None:
    plan = planned(resources={"memory": "100Gi"}, pools=["l4", "cpu", "big"])

    assert isinstance(plan, Plan)
    assert plan.pools[0].pool.name == "big"
    assert any(
        "the first in spec.hardware.pools that takes" in why for why in plan.pools[0].reasons
    )


def test_no_pool_fits_says_what_is_missing_where() -> None:
    refusal = planned(resources={"memory": "600Gi"})

    assert isinstance(refusal, Refusal)
    assert refusal.reason == NO_POOL_FITS
    for part in (
        "pool big: 1 node: 1 has 512Gi < 600Gi memory",
        "pool cpu: 2 nodes: 2 have 32Gi < 600Gi memory",
        "pool l4: 1 node: 1 has 32Gi < 600Gi memory",
        "Ask for less in spec.hardware",
    ):
        assert part in refusal.message


def test_more_accelerators_per_replica() -> None:
    """The service's own number goes before the pool's, and decides which pool can take it."""
    pools = known_pools(
        {
            "one": ServingPoolSpec.model_validate({"nodeSelector": L4, "accelerator": {}}),
            "many": ServingPoolSpec.model_validate(
                {"nodeSelector": {"size": "big"}, "accelerator": {"countPerReplica": 2}}
            ),
        },
        NODES,
        DEFAULTS,
    )

    def chosen(**hardware: Any) -> tuple[str, int]:
        plan = plan_service(spec(hardware={"accelerator": "GPU", **hardware}), facts(), pools)
        assert isinstance(plan, Plan)
        return plan.pools[0].pool.name, plan.pools[0].accelerators

    assert chosen() == ("many", 2)
    assert chosen(acceleratorsPerReplica=4) == ("many", 4)
    assert chosen(acceleratorsPerReplica=1, pools=["one", "many"]) == ("one", 1)
    assert chosen(acceleratorsPerReplica=2, pools=["one", "many"]) == ("many", 2)


def test_a_pool_scaled_to_zero_comes_after_those_with_nodes_and_says_that_it_is_waited_for() -> (
    None
):
    without_big = NODES[:3]

    small, large = planned(without_big), planned(without_big, resources={"memory": "100Gi"})

    assert isinstance(small, Plan)
    assert isinstance(large, Plan)
    assert small.pools[0].pool.name == "cpu"
    assert small.standby == ("l4", "big")
    assert large.pools[0].pool.name == "big"
    assert "pool big has no nodes now: pods wait until one comes" in large.pools[0].reasons


def test_where_nobody_looked_at_nodes_nothing_is_said_about_them() -> None:
    for pools in ({}, cluster()):
        plan = plan_service(
            spec(hardware={"resources": {"memory": "600Gi"}}),
            facts(),
            known_pools(pools, None, DEFAULTS),
        )

        assert isinstance(plan, Plan)
        told = " ".join(plan.pools[0].reasons)
        assert "no nodes are known here: whether one of them takes a replica is not checked" in told
        assert "inferred from the nodes" not in told
        assert "has no nodes now" not in told
