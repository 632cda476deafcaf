"""The reconcile of a ServingPool: its nodes, what they offer, and whether it can serve."""

from typing import Any

from tests.unit.planning.building import node
from triton_operator.controllers.serving_pool import reconcile_pool
from triton_operator.controllers.times import epoch_seconds
from triton_operator.controllers.views import SpecView
from triton_operator.planning.nodes import NodeFacts

NOW = epoch_seconds("2026-11-20T12:00:00Z")
NODES = [
    node("a", memory="16393244Ki"),
    node("b", cpu="3920m"),
    node("g", gpus=4),
    node("drained", cordoned=True),
    node("silent", gpus=4, ready=False),
]


def pool(status: dict[str, Any] | None = None, **spec: Any) -> SpecView:
    return SpecView(
        "ServingPool", "", "p", "uid", "1", generation=2, spec=spec, status=status or {}
    )


def conditions(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {condition["type"]: condition for condition in status["conditions"]}


def reconciled(view: SpecView, nodes: list[NodeFacts] | None = None) -> dict[str, Any]:
    return reconcile_pool(view, NODES if nodes is None else nodes, NOW)


def test_nodes_and_what_they_offer_together() -> None:
    status = reconciled(pool())

    assert status["nodes"] == 2
    assert status["allocatable"] == {"cpu": "11920m", "memory": str(16393244 * 1024 + 32 * 2**30)}
    assert status["observedGeneration"] == 2
    ready = conditions(status)["Ready"]
    assert (ready["status"], ready["reason"]) == ("True", "NodesFound")


def test_accelerators_are_counted() -> None:
    assert reconciled(pool(accelerator={}))["allocatable"]["nvidia.com/gpu"] == "4"


def test_a_pool_without_nodes_says_what_was_looked_for() -> None:
    status = reconciled(pool(accelerator={"resource": "amd.com/gpu"}))

    ready = conditions(status)["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "NoNodes")
    assert "offers amd.com/gpu" in ready["message"]
    assert status["nodes"] == 0


def test_the_same_nodes_again_give_the_same_status() -> None:
    first = reconciled(pool())

    later = reconcile_pool(pool(first), NODES, NOW + 600)

    assert later == first, "an unchanged status is not written"


def test_a_transition_has_its_time() -> None:
    first = reconciled(pool())

    later = reconcile_pool(pool(first), [], NOW + 600)

    assert conditions(later)["Ready"]["lastTransitionTime"] == "2026-11-20T12:10:00Z"


def test_fields_that_nothing_reads_yet_are_named() -> None:
    unused = conditions(
        reconciled(
            pool(
                precisions=["FP16"],
                startSeconds=60,
                energy={"wattsPerReplica": 72, "gramsCO2PerKWh": 210},
            )
        )
    )["SpecHonored"]

    assert unused["status"] == "False"
    assert "spec.energy.gramsCO2PerKWh" in unused["message"]
    assert "startSeconds" not in unused["message"], "decisions on replicas read it"
    assert "wattsPerReplica" not in unused["message"], "it orders the pools"
    assert "precisions" not in unused["message"], "copies are made for them"


def test_a_pool_whose_fields_are_used_says_so() -> None:
    assert conditions(reconciled(pool()))["SpecHonored"]["status"] == "True"


def test_a_pool_older_than_a_rule_names_the_field() -> None:
    ready = conditions(reconciled(pool(startSeconds=-1)))["Ready"]

    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert ready["message"].startswith("spec.startSeconds: ")
