"""The reconcile of a ServingPool: how many nodes it selects and what they offer. Pure."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from triton_operator.api import reasons
from triton_operator.api.conditions import (
    ConditionStatus,
    Finding,
    known_conditions,
    merge_conditions,
)
from triton_operator.api.serving_pool import ServingPoolSpec, ServingPoolStatus
from triton_operator.controllers.spec_problem import spec_problem
from triton_operator.controllers.times import rfc3339
from triton_operator.controllers.views import SpecView
from triton_operator.planning.nodes import NodeFacts, total_allocatable
from triton_operator.planning.pools import nodes_of_pool

NODES_FOUND = "NodesFound"
NO_NODES = "NoNodes"


def reconcile_pool(view: SpecView, nodes: Sequence[NodeFacts], now: float) -> dict[str, Any]:
    """The pool's status: its nodes that take pods now, and what they offer together."""
    before = known_conditions(view.status)
    try:
        spec = ServingPoolSpec.model_validate(view.spec)
    except ValidationError as error:
        finding = Finding(
            type="Ready",
            status=ConditionStatus.FALSE,
            reason=reasons.INVALID_SPEC,
            message=f"{spec_problem(error)}; correct the field",
        )
        conditions = merge_conditions([finding], before, view.generation, rfc3339(now))
        return ServingPoolStatus(
            observed_generation=view.generation,
            # Never empty: server-side apply makes a null of a map whose last entry goes.
            allocatable=total_allocatable(()),
            conditions=conditions,
        ).wire()
    selected = [node for node in nodes_of_pool(spec, nodes) if node.schedulable]
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
    findings = [finding, _spec_honored(spec)]
    status = ServingPoolStatus(
        observed_generation=view.generation,
        nodes=len(selected),
        allocatable=total_allocatable(selected),
        conditions=merge_conditions(findings, before, view.generation, rfc3339(now)),
    )
    return status.wire()


def _spec_honored(spec: ServingPoolSpec) -> Finding:
    """Fields that are accepted, but that nothing reads yet."""
    unused = {
        "spec.energy.gramsCO2PerKWh": spec.energy and spec.energy.grams_co2_per_kwh,
    }
    present = [path for path, value in unused.items() if value is not None]
    if present:
        return Finding(
            type=reasons.SPEC_HONORED,
            status=ConditionStatus.FALSE,
            reason=reasons.FIELDS_WITHOUT_EFFECT,
            message=f"nothing reads these yet: {', '.join(present)}",
        )
    return Finding(
        type=reasons.SPEC_HONORED,
        status=ConditionStatus.TRUE,
        reason=reasons.ALL_FIELDS,
        message="every field that is set has its effect",
    )
