"""Which way each Deployment on accelerators is rolled out: decided once per rollout. Pure.

What is free changes while a rollout runs, not least by the rollout itself. So the way is chosen
when a template changes, and kept until the next one; the only change on the way is from a new pod
first to an old pod out first, when the new pod turns out to find no accelerator.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from triton_operator.api import labels
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.rollout import wanted_replicas
from triton_operator.controllers.views import DeploymentView, PodView
from triton_operator.manifests import names
from triton_operator.planning.plan import Plan, PoolPlan
from triton_operator.planning.surge import draining_first

Manifests = list[dict[str, Any]]
Build = Callable[[Plan], Manifests]
"""The children of a plan, with their hashes."""


def with_rollout_ways(observed: Observed, plan: Plan, build: Build) -> tuple[Plan, Manifests]:
    """The plan, with the way of its rollouts: of those pools that have accelerators. Its children.

    They are built once where the ways stay as they are, which is nearly always.
    """
    present = {
        child.name: child for child in observed.children if isinstance(child, DeploymentView)
    }
    found = {
        row.pool.name: view
        for row in plan.pools
        if row.pool.is_gpu
        and (view := present.get(names.pool_child(observed.service.name, row.pool.name)))
    }
    before = {pool: view.drains_first for pool, view in found.items()}
    as_it_is = _with_ways(observed, plan, before)
    children = build(as_it_is)
    hashes = {
        manifest["metadata"]["name"]: manifest["metadata"]["annotations"][labels.DESIRED_HASH]
        for manifest in children
        if manifest["kind"] == "Deployment"
    }
    ways = {
        row.pool.name: _drains_first(observed, row, view, hashes[view.name])
        for row in plan.pools
        if (view := found.get(row.pool.name))
    }
    if ways == before:
        return as_it_is, children
    plan = _with_ways(observed, plan, ways)
    return plan, build(plan)


def _drains_first(
    observed: Observed, row: PoolPlan, view: DeploymentView, wanted_hash: str
) -> bool:
    resource = row.pool.accelerator_resource or ""
    if view.existing > view.updated:
        # Pods of two templates: a rollout is under way.
        return view.drains_first or any(
            resource in child.unschedulable
            for child in observed.children
            if isinstance(child, PodView) and child.pool == row.pool.name and not child.deleting
        )
    if view.desired_hash == wanted_hash:
        return view.drains_first
    free = observed.free_accelerators.get(row.pool.name)
    return free is not None and free < row.accelerators


def _with_ways(observed: Observed, plan: Plan, ways: Mapping[str, bool]) -> Plan:
    replicas = sum(wanted_replicas(observed, plan).values())
    return replace(
        plan,
        pools=tuple(
            draining_first(row, replicas) if ways.get(row.pool.name) else row for row in plan.pools
        ),
    )
