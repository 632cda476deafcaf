"""What a placement says of itself: rows, and conditions that tell what to do."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.fleet.clusters import Hub, cloud, edge
from triton_operator.api.conditions import Finding
from triton_operator.fleet.placement import Placed
from triton_operator.fleet.placement_findings import (
    WorkState,
    amount,
    placement_findings,
    rows,
)

GOOD = WorkState(revision=3, applied_revision=3, applied=True)


def findings(
    placed: Placed, works: dict[str, WorkState], refused: dict[str, str] | None = None
) -> dict[str, Finding]:
    return {one.type: one for one in placement_findings(placed, works, refused or {})}


def test_all_is_well() -> None:
    placed = Hub().place(edge(), cloud())

    found = findings(placed, {"edge": GOOD, "cloud": GOOD})

    assert {type_: (one.status, one.reason) for type_, one in found.items()} == {
        "Placed": ("True", "OnClusters"),
        "Synced": ("True", "InForce"),
        "CapacityExceeded": ("False", "Enough"),
        "ResidencyConstrained": ("False", "Enough"),
    }


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param(replace(GOOD, applied_revision=2), "has applied revision 2 of 3", id="behind"),
        pytest.param(replace(GOOD, applied_revision=4), "has applied revision 4 of 3", id="ahead"),
        pytest.param(replace(GOOD, applied=False), "has applied revision 3 of 3", id="not applied"),
        pytest.param(
            replace(GOOD, applied=False, problem="NotOwned: by hand"), "NotOwned", id="refused"
        ),
    ],
)
def test_one_cluster_that_is_not_synced(state: WorkState, words: str) -> None:
    placed = Hub().place(edge(), cloud())

    synced = findings(placed, {"edge": state, "cloud": GOOD})["Synced"]

    assert (synced.status, synced.reason) == ("False", "WaitsForClusters")
    assert synced.message.startswith("edge: ")
    assert words in synced.message


def test_a_refused_report_is_told() -> None:
    placed = Hub().place(edge())

    synced = findings(placed, {"edge": GOOD}, {"edge": "needReplicas is absurd"})["Synced"]

    assert (synced.status, synced.reason) == ("False", "AbsurdReport")
    assert "needReplicas is absurd" in synced.message


def test_a_maximum_that_does_not_leave_one_replica_for_each_cluster() -> None:
    hub, facts = Hub(most=1), (edge("a"), cloud("b"))
    left_out = findings(hub.place(*facts), {"a": GOOD})["Placed"]

    assert (left_out.status, left_out.reason) == ("False", "MaximumTooLow")
    assert "no replica is left for b, and each cluster needs one" in left_out.message
    assert "replicas.max" in left_out.message

    hub = Hub(most=2)
    hub.place(*facts)
    hub.settings = replace(hub.settings, most=1)
    kept = findings(hub.place(*facts), {"a": GOOD, "b": GOOD})["Placed"]

    assert (kept.status, kept.reason) == ("False", "MaximumTooLow")
    assert "what may run is 1 above it" in kept.message


def test_a_work_that_is_not_written() -> None:
    placed = Hub().place(edge())
    failed = WorkState(0, None, applied=False, problem="its work is refused: too long")

    found = findings(placed, {"edge": failed})["Placed"]

    assert (found.status, found.reason) == ("False", "NotWritten")
    assert found.message == "edge: its work is refused: too long"


@pytest.mark.parametrize(
    ("facts", "condition", "load"),
    [
        pytest.param([edge(need=6.0)], "CapacityExceeded", "2", id="no room anywhere"),
        pytest.param(
            [edge(need=6.0, local_only_share=1.0), cloud()],
            "ResidencyConstrained",
            "2",
            id="it must not leave",
        ),
        pytest.param(
            [edge(need=6.0, zones=("eu",)), cloud(zones=("us",))],
            "ResidencyConstrained",
            "2",
            id="it must not leave its zone",
        ),
    ],
)
def test_demand_without_a_place(facts: list[Any], condition: str, load: str) -> None:
    placed = Hub(zones=("eu",) if facts[0].zones else ()).place(*facts)

    found = findings(placed, {one.name: GOOD for one in facts})

    other = {"CapacityExceeded", "ResidencyConstrained"} - {condition}
    assert (found[condition].status, found[condition].reason) == ("True", "Unplaced")
    assert f"demand of {load} replicas" in found[condition].message
    assert found[other.pop()].status == "False"


def test_rows_of_a_large_fleet_fit_into_a_status() -> None:
    hub = Hub(budget_seconds=0.1)
    clusters = [edge(f"edge-{n:03}", need=9.0, p95_seconds=None) for n in range(999)]
    placed = hub.place(*clusters)

    made = rows(placed, {one.name: one for one in clusters}, hub.memory)

    assert len(made) == 999
    assert len(json.dumps([row.wire() for row in made])) < 500_000
    assert all(row.reason for row in made)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (2.4, "2.4"), (2.0, "2"), (1 / 3, "0.33"), (-1e-12, "0")]
)
def test_amounts(value: float, text: str) -> None:
    assert amount(value) == text
