"""The way of a rollout on accelerators: chosen when a template changes, kept until the next one."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.world import L4, inspected, observed, step
from tests.unit.planning.building import facts, spec
from triton_operator.api import labels
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Observed, Outcome
from triton_operator.controllers.surge import with_rollout_ways
from triton_operator.controllers.views import DeploymentView, PodView
from triton_operator.planning.plan import Plan, plan_service

SURGE = {"maxUnavailable": 0, "maxSurge": 1}
DRAIN = {"maxUnavailable": 1, "maxSurge": 0}
NO_ROOM = (
    "0/12 nodes are available: 12 Insufficient nvidia.com/gpu. preemption: 0/12 nodes are available"
)


def way(outcome: Outcome) -> dict[str, int]:
    (deployment,) = (one for one in outcome.apply if one["kind"] == "Deployment")
    found: dict[str, int] = deployment["spec"]["strategy"]["rollingUpdate"]
    return found


def reasons(outcome: Outcome) -> str:
    assert outcome.status is not None
    return " ".join(outcome.status["pools"][0]["reasons"])


@dataclass(frozen=True)
class Row:
    """`was`: the way that the Deployment has. `counts`: existing and updated replicas."""

    name: str
    expected: dict[str, int]
    why: str
    changed: bool = True
    was: dict[str, int] | None = None
    free: int | None = None
    counts: tuple[int, int] = (1, 1)
    waiting: str = ""


ROWS = [
    Row("free", SURGE, "no request fails", free=1),
    Row("none free", DRAIN, "the new pod would wait for ever", free=0),
    Row("not known", SURGE, "tried, and corrected if it waits"),
    Row("drained before, now free", SURGE, "each rollout chooses anew", was=DRAIN, free=1),
    Row("nothing to roll out", SURGE, "no write for what is free", changed=False, free=0),
    Row("nothing to roll out, drained", DRAIN, "nor back", changed=False, was=DRAIN, free=1),
    Row("under way", SURGE, "its own new pod took the last one", free=0, counts=(2, 1)),
    Row("under way, drained", DRAIN, "no flapping", was=DRAIN, free=1, counts=(2, 1)),
    Row("waits for another's", DRAIN, "others hold it", free=1, counts=(2, 1), waiting=NO_ROOM),
    Row(
        "waits for CPU", SURGE, "draining frees no more", counts=(2, 1), waiting="Insufficient cpu"
    ),
    Row("more replicas than devices", SURGE, "no old pod", counts=(2, 2), waiting=NO_ROOM, free=1),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_way(row: Row) -> None:
    outcome = reconcile(seen(row))

    assert way(outcome) == row.expected, row.why
    assert ("no free nvidia.com/gpu was found" in reasons(outcome)) == (row.expected == DRAIN)


def test_a_way_once_chosen_is_written_once() -> None:
    """After the write nothing differs any more, whatever is free by then."""
    before = seen(Row("none free", DRAIN, "", free=0))
    (wanted,) = (one for one in reconcile(before).apply if one["kind"] == "Deployment")
    hash_ = wanted["metadata"]["annotations"]["serving.triton-operator.io/desired-hash"]

    for free in (0, 1, 5):
        after = changed(before, desired_hash=hash_, drains_first=True)
        again = reconcile(replace(after, free_accelerators={"l4": free}))
        (kept,) = (one for one in again.apply if one["kind"] == "Deployment")
        assert kept == wanted


@pytest.mark.parametrize(
    ("free", "hash_", "ways"),
    [
        (1, "as-it-is", [False]),
        (0, "as-it-is", [False]),
        (1, "another", [False]),
        (0, "another", [False, True]),
    ],
    ids=["at rest", "at rest, none free", "another template", "another template, none free"],
)
def test_children_are_built_anew_only_where_the_way_changes(
    free: int, hash_: str, ways: list[bool]
) -> None:
    """A build is half of the cost of a reconcile."""
    view = changed(observed(serving_on_gpus(), pools=(L4,)), desired_hash="as-it-is")
    built: list[bool] = []

    def build(plan: Plan) -> list[dict[str, Any]]:
        built.append(plan.pools[0].drains_first)
        metadata = {"name": "filetype-l4", "annotations": {labels.DESIRED_HASH: hash_}}
        return [{"kind": "Deployment", "metadata": metadata, "number": len(built)}]

    plan = plan_service(spec(), facts(), (L4,))
    assert isinstance(plan, Plan)
    chosen, children = with_rollout_ways(replace(view, free_accelerators={"l4": free}), plan, build)

    assert built == ways
    assert chosen.pools[0].drains_first == ways[-1], "what is given is of the plan that is given"
    assert children[0]["number"] == len(ways)


def serving_on_gpus() -> Cluster:
    """One replica serves from pool l4."""
    cluster = inspected()
    step(cluster, pools=(L4,))
    step(cluster, pools=(L4,))
    cluster.roll_out("filetype-l4")
    cluster.put_pod("filetype-l4-1", pool="l4", containers=[{"name": "triton", "ready": True}])
    return cluster


def seen(row: Row) -> Observed:
    cluster = serving_on_gpus()
    view = observed(cluster, pools=(L4,))
    if row.was is not None:
        # As it was written at that time: with that way, and the hash over it.
        drained = changed(view, drains_first=row.was == DRAIN, existing=2, updated=1)
        (written,) = (one for one in reconcile(drained).apply if one["kind"] == "Deployment")
        hash_ = written["metadata"]["annotations"]["serving.triton-operator.io/desired-hash"]
        view = changed(view, drains_first=row.was == DRAIN, desired_hash=hash_)
    if row.changed:
        view = changed(view, desired_hash="another")
    existing, updated = row.counts
    view = changed(view, existing=existing, updated=updated)
    pods = tuple(
        replace(child, unschedulable=row.waiting) if isinstance(child, PodView) else child
        for child in view.children
    )
    free = {} if row.free is None else {"l4": row.free}
    return replace(view, children=pods, free_accelerators=free)


def changed(view: Observed, **fields: Any) -> Observed:
    return replace(
        view,
        children=tuple(
            replace(child, **fields) if isinstance(child, DeploymentView) else child
            for child in view.children
        ),
    )
