"""What a measurement says of memory replaces no pod by itself.

A replica that was measured needs less than was guessed, as a rule, so every first measurement would
end in a rollout that makes nothing faster. A Deployment that differs in its memory only keeps what
it has, and gets the other with the next change that replaces pods anyway. It does not where it has
too little, since a limit that is met ends the pod, nor while a pod finds no node that has so much,
nor where somebody stated what it has: to take that back is an edit as any other. An annotation says
so, and makes such a Deployment differ in more than its memory.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from triton_operator.api import labels
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.views import DeploymentView, PodView
from triton_operator.manifests import names
from triton_operator.planning.fit import ReplicaNeed, Verdict, fit_of
from triton_operator.planning.plan import Plan, PoolPlan
from triton_operator.planning.quantities import memory_quantity, size_bytes

Made = tuple[Plan, list[dict[str, Any]]]
"""A plan and its children, with their hashes."""


def with_kept_memory(observed: Observed, plan: Plan, make: Callable[[Plan], Made]) -> Made:
    """What `make` gives of the plan, with the memory of Deployments that need no other.

    At rest it is made once, with what is kept.
    """
    present = {
        child.name: child for child in observed.children if isinstance(child, DeploymentView)
    }
    views = {
        row.pool.name: view
        for row in plan.pools
        if (view := present.get(names.pool_child(observed.service.name, row.pool.name)))
    }
    kept = {
        row.pool.name: memory
        for row in plan.pools
        if (view := views.get(row.pool.name)) and (memory := _kept(observed, row, view))
    }
    if not kept:
        return make(plan)
    made = make(_keeping(plan, kept))
    hashes = {
        manifest["metadata"]["name"]: manifest["metadata"]["annotations"][labels.DESIRED_HASH]
        for manifest in made[1]
        if manifest["kind"] == "Deployment"
    }
    same = {
        pool: memory
        for pool, memory in kept.items()
        if hashes[views[pool].name] == views[pool].desired_hash
    }
    return made if same == kept else make(_keeping(plan, same))


def _kept(observed: Observed, row: PoolPlan, view: DeploymentView) -> int | None:
    """Bytes that its pods have and may keep; None: they are to have what is planned."""
    if row.enough_memory_bytes is None or not view.memory or not view.existing:
        return None
    there = size_bytes(view.memory)
    if there == row.memory_bytes or there < row.enough_memory_bytes:
        return None
    return there if there < row.memory_bytes or _finds_room(observed, row, there) else None


def _finds_room(observed: Observed, row: PoolPlan, memory_bytes: int) -> bool:
    """Whether the pool takes a replica with so much, and none of its pods waits for memory."""
    need = ReplicaNeed(row.cpu_request_millicores, memory_bytes, row.accelerators)
    return fit_of(row.pool, need).verdict is not Verdict.MISFIT and not any(
        "Insufficient memory" in child.unschedulable
        for child in observed.children
        if isinstance(child, PodView)
        and child.role == labels.SERVE
        and child.pool == row.pool.name
        and not child.deleting
    )


def _keeping(plan: Plan, kept: Mapping[str, int]) -> Plan:
    if not kept:
        return plan
    return replace(
        plan,
        pools=tuple(
            _with_memory(row, kept[row.pool.name]) if row.pool.name in kept else row
            for row in plan.pools
        ),
    )


def _with_memory(row: PoolPlan, memory_bytes: int) -> PoolPlan:
    there, planned = memory_quantity(memory_bytes), memory_quantity(row.memory_bytes)
    why = (
        f"{there} memory until pods are replaced for something else, then {planned}: for memory "
        "alone none is replaced"
    )
    return replace(row, memory_bytes=memory_bytes, reasons=(*row.reasons, why))
