"""How far the pods of a service are on their way to the plan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from triton_operator.api import labels
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.views import DeploymentView
from triton_operator.manifests import names
from triton_operator.planning.plan import Plan
from triton_operator.planning.refusal import Refusal


@dataclass(frozen=True)
class Rollout:
    """Deployments by pool, and replicas over all of them.

    `deployments` are those of the plan that exist; without a plan, whatever serves.
    `predecessors_ready` counts ready replicas of Deployments that the plan does not have any more.
    `complete`: every Deployment of the plan exists and every replica of it follows the plan.
    `resizing`: every pod there is follows the plan, only their number does not yet.
    `least_replicas` are those without which the service is not as its spec promises.
    """

    deployments: Mapping[str, DeploymentView]
    wanted_replicas: int
    least_replicas: int
    ready_replicas: int
    predecessors_ready: int
    complete: bool
    resizing: bool
    stuck_message: str


def observe_rollout(
    observed: Observed, plan: Plan | Refusal | None, wanted: Iterable[Mapping[str, Any]]
) -> Rollout:
    """The rollout, from the Deployments that exist and the manifests that are wanted."""
    present = {
        child.name: child for child in observed.children if isinstance(child, DeploymentView)
    }
    if not isinstance(plan, Plan):
        deployments = {child.pool: child for child in present.values()}
        return _rollout(deployments, plan, sum(view.replicas for view in deployments.values()))
    hashes = {
        manifest["metadata"]["name"]: manifest["metadata"]["annotations"][labels.DESIRED_HASH]
        for manifest in wanted
        if manifest["kind"] == "Deployment"
    }
    planned = {
        row.pool.name: names.pool_child(observed.service.name, row.pool.name) for row in plan.pools
    }
    deployments = {pool: present[name] for pool, name in planned.items() if name in present}
    predecessors = [
        child
        for name, child in present.items()
        if name not in planned.values() and (child.replicas or child.existing)
    ]
    replicas = wanted_replicas(observed, plan)
    complete = all(
        name in present
        and present[name].replicas == number
        and present[name].follows(hashes.get(name))
        for name, number in replicas.items()
    )
    return _rollout(
        deployments,
        plan,
        sum(replicas.values()),
        predecessors_ready=sum(child.ready for child in predecessors),
        complete=complete,
        resizing=not complete
        and not predecessors
        and bool(deployments)
        # A pool's first Deployment brings more replicas, and takes nobody's place.
        and all(
            present[name].has_no_other_template(hashes.get(name))
            for name in planned.values()
            if name in present
        ),
    )


def wanted_replicas(observed: Observed, plan: Plan) -> dict[str, int]:
    """How many replicas each Deployment of the plan should have.

    That is the autoscaler's number within the bounds. Until it has one, the number stays what it
    is: a new operator knows nothing of the load that the old one saw. A Deployment that takes the
    place of others begins with as many as they have.
    """
    present = {
        child.name: child for child in observed.children if isinstance(child, DeploymentView)
    }
    wanted = {}
    within = _within_bounds(observed, plan, present) if plan.replicas.moves else {}
    for row in plan.pools:
        name = names.pool_child(observed.service.name, row.pool.name)
        if not plan.replicas.managed or name in observed.autoscalers:
            wanted[name] = present[name].replicas if name in present else 1
        else:
            wanted[name] = within.get(name, plan.replicas.minimum)
    return wanted


def _within_bounds(
    observed: Observed, plan: Plan, present: Mapping[str, DeploymentView]
) -> dict[str, int]:
    """Replicas by Deployment. The bounds are of all pools together.

    They can have changed since the autoscaler's last answer. It knows better where replicas can
    go; until its next look, what lacks is the first pool's, and of what is too much, those go
    first that are not ready, then those in the pools that are wanted least.
    """
    answer = observed.scaling
    said = answer.replicas if answer and answer.scales else {}
    first, *others = (names.pool_child(observed.service.name, row.pool.name) for row in plan.pools)
    wanted = {
        name: said.get(name, present[name].replicas if name in present else 0)
        for name in (first, *others)
    }
    if predecessors := _of_others(observed, plan):
        # They get requests that nobody counts for these: what is seen of the load is a part of it.
        present_now = present[first].replicas if first in present else 0
        wanted[first] = max(wanted[first], present_now, predecessors)
    wanted[first] += max(0, plan.replicas.minimum - sum(wanted.values()))
    ready = {
        name: min(number, present[name].ready if name in present else 0)
        for name, number in wanted.items()
    }
    within = dict.fromkeys(wanted, 0)
    left = plan.replicas.maximum
    for numbers in (ready, wanted):
        for name, number in numbers.items():
            more = min(left, number - within[name])
            within[name] += more
            left -= more
    return within


def _least(plan: Plan | Refusal | None, wanted: int) -> int:
    if isinstance(plan, Plan) and plan.replicas.moves:
        return plan.replicas.minimum
    return wanted


def _of_others(observed: Observed, plan: Plan) -> int:
    """Replicas of the service's Deployments that the plan does not have any more."""
    planned = {names.pool_child(observed.service.name, row.pool.name) for row in plan.pools}
    return sum(
        child.replicas
        for child in observed.children
        if isinstance(child, DeploymentView) and not child.deleting and child.name not in planned
    )


def _rollout(
    deployments: Mapping[str, DeploymentView],
    plan: Plan | Refusal | None,
    wanted: int,
    *,
    predecessors_ready: int = 0,
    complete: bool = False,
    resizing: bool = False,
) -> Rollout:
    return Rollout(
        deployments=deployments,
        wanted_replicas=wanted,
        least_replicas=_least(plan, wanted),
        ready_replicas=sum(view.ready for view in deployments.values()),
        predecessors_ready=predecessors_ready,
        complete=complete,
        resizing=resizing,
        stuck_message=next(
            (view.stuck_message for view in deployments.values() if view.stuck_message), ""
        ),
    )
