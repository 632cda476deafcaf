"""The reconcile of a ServingPool: how many nodes it selects and what they offer. Pure."""

from collections.abc import Sequence
from typing import Any

from triton_operator.api.conditions import (
    Condition,
    ConditionStatus,
    Finding,
    merge_conditions,
)
from triton_operator.api.serving_pool import ServingPoolSpec, ServingPoolStatus
from triton_operator.controllers.times import rfc3339
from triton_operator.controllers.views import SpecView
from triton_operator.planning.nodes import NodeFacts, total_allocatable
from triton_operator.planning.pools import nodes_of_pool

NODES_FOUND = "NodesFound"
NO_NODES = "NoNodes"


def reconcile_pool(view: SpecView, nodes: Sequence[NodeFacts], now: float) -> dict[str, Any]:
    """The pool's status. `free` stays absent: pods' requests are not observed yet."""
    spec = ServingPoolSpec.model_validate(view.spec)
    selected = nodes_of_pool(spec, nodes)
    finding = (
        Finding(
            type="Ready",
            status=ConditionStatus.TRUE,
            reason=NODES_FOUND,
            message=f"{len(selected)} schedulable nodes match",
        )
        if selected
        else Finding(
            type="Ready",
            status=ConditionStatus.FALSE,
            reason=NO_NODES,
            message="no schedulable node matches spec.nodeSelector"
            + (f" and offers {spec.accelerator.resource}" if spec.accelerator else "")
            + "; pods of this pool stay pending until one does",
        )
    )
    before = [Condition.model_validate(row) for row in view.status.get("conditions") or ()]
    status = ServingPoolStatus(
        observed_generation=view.generation,
        nodes=len(selected),
        allocatable=total_allocatable(selected) if selected else {},
        conditions=merge_conditions([finding], before, view.generation, rfc3339(now)),
    )
    return status.wire()
