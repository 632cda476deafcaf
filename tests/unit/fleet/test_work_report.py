"""What an agent tells of a work."""

import json
from typing import Any

import pytest

from triton_operator.api.conditions import ConditionStatus, finding
from triton_operator.api.inference_work import InferenceWorkStatus
from triton_operator.fleet.origin import DECISIONS
from triton_operator.fleet.work_load import work_load
from triton_operator.fleet.work_report import Told, is_news, work_status

NOW, LATER = "2026-11-28T12:00:00Z", "2026-11-28T12:01:00Z"
IN_FORCE = finding("Applied", ConditionStatus.TRUE, "InForce", "revision 7")
AUTOSCALING = {"arrivalsPerSecond": "540", "safeRatePerReplica": "100", "metrics": "Fresh"}
LIMITED = {
    "type": "ScalingLimited",
    "status": "True",
    "reason": "Unschedulable",
    "message": "no node",
    "lastTransitionTime": NOW,
}


def status(autoscaling: dict[str, Any] | None = AUTOSCALING, **more: Any) -> dict[str, Any]:
    return {
        "observedGeneration": 1,
        "readyReplicas": 2,
        "desiredReplicas": 4,
        **({"autoscaling": autoscaling} if autoscaling else {}),
        **more,
    }


ROWS = [
    {"number": number, "time": NOW, "from": number, "to": number + 1, "reason": "why"}
    for number in (3, 4)
]
DECIDED = {"annotations": {DECISIONS: json.dumps(ROWS)}}


def service(**more: Any) -> dict[str, Any]:
    usual = {"metadata": {}, "spec": {"scaling": {"maxReplicas": 4}}, "status": status()}
    return {**usual, **more}


@pytest.mark.parametrize(
    ("autoscaling", "need"),
    [
        (AUTOSCALING, "5.400"),
        ({**AUTOSCALING, "metrics": "Partial"}, "5.400"),
        ({**AUTOSCALING, "metrics": "Stale"}, None),
        ({**AUTOSCALING, "metrics": "Lost"}, None),
        ({**AUTOSCALING, "arrivalsPerSecond": "0"}, "0.000"),
        ({"arrivalsPerSecond": "0", "metrics": "Fresh"}, "0.000"),
        ({"arrivalsPerSecond": "0.0", "metrics": "Lost"}, None),
        ({"arrivalsPerSecond": "1", "metrics": "Fresh"}, None),
        ({**AUTOSCALING, "safeRatePerReplica": "0"}, None),
        ({**AUTOSCALING, "arrivalsPerSecond": "many"}, None),
        ({**AUTOSCALING, "arrivalsPerSecond": "nan"}, None),
        ({**AUTOSCALING, "arrivalsPerSecond": "-1"}, None),
        ({**AUTOSCALING, "safeRatePerReplica": "1e-300"}, None),
        ({**AUTOSCALING, "safeRatePerReplica": "0.000001"}, "100000.000"),
        ({"metrics": "Fresh", "arrivalsPerSecond": "540"}, None),
        ({"metrics": "Fresh", "safeRatePerReplica": "100"}, None),
        ({"metrics": "of an older definition"}, None),
        (None, None),
    ],
)
def test_demand_is_not_bounded_and_not_invented(
    autoscaling: dict[str, Any] | None, need: str | None
) -> None:
    load = work_load(status(autoscaling), None)

    assert load is not None
    assert load.need_replicas == need


def test_the_curve_goes_on_as_it_is() -> None:
    curve = {
        "baseMicroseconds": 3980,
        "perRequestMicroseconds": 1070,
        "maxBatchSize": 16,
        "instances": 2,
    }
    load = work_load(status({**AUTOSCALING, "replicaCurve": curve}), None)

    assert load is not None
    assert load.wire()["replicaCurve"] == curve


def test_old_arrivals_are_no_arrivals() -> None:
    load = work_load(status({**AUTOSCALING, "metrics": "Lost"}), None)

    assert load is not None
    assert load.arrivals_per_second is None
    assert load.safe_rate_per_replica == "100"


@pytest.mark.parametrize(
    ("more", "room", "capacity"),
    [
        ({}, None, 4),
        ({}, 9, 11),
        ({}, 0, 2),
        ({"conditions": [LIMITED]}, 9, 2),
        ({"conditions": [{**LIMITED, "status": "False"}]}, 9, 11),
        ({"conditions": [{**LIMITED, "reason": "AtMaximum"}]}, 9, 11),
        ({"readyReplicas": 5}, None, 5),
    ],
)
def test_capacity_is_what_is_ready_and_what_could_start(
    more: dict[str, Any], room: int | None, capacity: int
) -> None:
    load = work_load(status(**more), room, 4)

    assert load is not None
    assert load.cap_replicas == capacity


def test_nothing_is_said_of_the_load_before_anybody_has_looked() -> None:
    assert work_load({}, 3) is None


def test_a_status_is_one_of_the_api() -> None:
    available = {**LIMITED, "type": "Available", "reason": "Serving"}
    told = Told(IN_FORCE, 3, service(status=status(conditions=[available])), 7)
    found = work_status(told, {}, NOW)

    assert InferenceWorkStatus.model_validate({**found, "sequence": 1}).wire() == {
        **found,
        "sequence": 1,
        "endpoints": [],
        "decisions": [],
    }
    assert (found["appliedRevision"], found["appliedMaxReplicas"]) == (7, 4)
    rows = {row["type"]: (row["status"], row["reason"]) for row in found["conditions"]}
    assert rows == {
        "Applied": ("True", "InForce"),
        "Available": ("True", "Serving"),
        "Progressing": ("Unknown", "NotObserved"),
    }
    assert found["load"]["observedAt"] == NOW


@pytest.mark.parametrize(
    ("generation", "told"),
    [(4, ("False", "RolledOut")), (5, ("Unknown", "NotObserved")), (3, ("Unknown", "NotObserved"))],
)
def test_pods_that_followed_another_spec_say_nothing_of_this_one(
    generation: int, told: tuple[str, str]
) -> None:
    row = {**LIMITED, "type": "Progressing", "status": "False", "reason": "RolledOut"}
    seen = status(conditions=[{**row, "observedGeneration": 4}])
    body = service(status=seen, metadata={"generation": generation})

    found = work_status(Told(IN_FORCE, 3, body, 7), {}, NOW)

    rows = {row["type"]: (row["status"], row["reason"]) for row in found["conditions"]}
    assert rows["Progressing"] == told


@pytest.mark.parametrize(
    ("metrics", "share"), [("Fresh", "99.5"), ("Partial", "99.5"), ("Stale", None), ("Lost", None)]
)
def test_the_share_within_the_objective_is_of_now(metrics: str, share: str | None) -> None:
    load = work_load(status({**AUTOSCALING, "metrics": metrics, "attainmentPercent": "99.5"}), None)

    assert load is not None
    assert load.attainment_percent == share


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"recentRequests": 900, "failedRequests": 4}, (900, 4)),
        ({"recentRequests": 900, "failedRequests": 4, "metrics": "Stale"}, (None, None)),
        ({"recentRequests": 4, "failedRequests": 900}, (None, None)),
        ({"recentRequests": 900}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_errors_are_of_now_and_a_part_of_all(
    seen: dict[str, Any], told: tuple[int | None, int | None]
) -> None:
    load = work_load(status({**AUTOSCALING, **seen}), None)

    assert load is not None
    assert (load.recent_requests, load.failed_requests) == told


def test_without_a_service_of_its_own_nothing_is_in_force() -> None:
    found = work_status(Told(IN_FORCE, 3), {}, NOW)

    assert found.keys() == {"conditions"}


def test_a_fixed_number_is_its_own_maximum() -> None:
    spec = {"scaling": {"mode": "Fixed", "minReplicas": 3}}

    assert work_status(Told(IN_FORCE, 3, service(spec=spec), 7), {}, NOW)["appliedMaxReplicas"] == 3


def test_decisions_are_told_as_they_are_kept() -> None:
    found = work_status(Told(IN_FORCE, 3, service(metadata=DECIDED), 7), {}, NOW)

    assert found["decisions"] == ROWS


def test_times_are_no_news_and_what_happened_keeps_its_own() -> None:
    told = Told(IN_FORCE, 3, service(), 7)
    before = work_status(told, {}, NOW)
    after = work_status(told, before, LATER)

    assert not is_news(after, before)
    assert after["conditions"][0]["lastTransitionTime"] == NOW
    assert after["load"]["observedAt"] == LATER


@pytest.mark.parametrize(
    "told",
    [
        Told(IN_FORCE, 3, service(), 8),
        Told(IN_FORCE, 4, service(), 7),
        Told(IN_FORCE, 3, service(), 7, room=9),
        Told(finding("Applied", ConditionStatus.FALSE, "Paused"), 3, service(), 7),
        Told(IN_FORCE, 3, service(metadata=DECIDED), 7),
        Told(IN_FORCE, 3),
    ],
)
def test_anything_else_is_news(told: Told) -> None:
    before = work_status(Told(IN_FORCE, 3, service(), 7), {}, NOW)

    assert is_news(work_status(told, before, NOW), before)
