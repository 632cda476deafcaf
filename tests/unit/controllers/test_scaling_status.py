"""`status.autoscaling`: figures as people compare them."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.controllers.answers import FIGURES, answer, changed
from tests.unit.controllers.world import NOW
from triton_operator.autoscaling.look import LatencySource
from triton_operator.controllers.scaling_answer import Change, ScalingAnswer
from triton_operator.controllers.scaling_status import REASON_LIMIT, pool_figures, scaling_status
from triton_operator.planning.service_curve import ServiceCurve

BEFORE: dict[str, Any] = {
    "metrics": "Fresh",
    "arrivalsPerSecond": "9",
    "reasons": ["2 replicas are right for 9 requests/s"],
    "lastDecision": {"time": "2026-11-20T10:00:00Z", "from": 1, "to": 2, "reason": "as it was"},
}


def wire(said: ScalingAnswer | None, before: dict[str, Any], aside: int = 0) -> dict[str, Any]:
    found = scaling_status(said, before, aside)
    assert found is not None
    return found.wire()


def test_everything_that_was_seen_is_shown() -> None:
    assert wire(changed(1, 3), {}) == {
        "arrivalsPerSecond": "212",
        "attainmentPercent": "99.6",
        "recentRequests": 1000,
        "failedRequests": 6,
        "latencySource": "histogram",
        "waitingRequests": 4,
        "safeRatePerReplica": "118",
        "coldStartSeconds": 19,
        "metrics": "Fresh",
        "recommendedReplicas": 3,
        "reasons": ["3 replicas are right for 212 requests/s"],
        "lastDecision": {
            "time": "2026-11-20T12:00:00Z",
            "from": 1,
            "to": 3,
            "reason": "demand jumped to 212 requests/s",
        },
    }


@pytest.mark.parametrize(
    ("curve", "shown"),
    [
        (None, None),
        (
            ServiceCurve(0.00398, 0.00107, 16, 2),
            {
                "baseMicroseconds": 3980,
                "perRequestMicroseconds": 1070,
                "maxBatchSize": 16,
                "instances": 2,
            },
        ),
        (ServiceCurve(0.00398, 0.00107, 2048), None),
        (ServiceCurve(0.00398, 0.00107, 16, 65), None),
    ],
)
def test_a_curve_is_shown_where_a_hub_can_solve_it(
    curve: ServiceCurve | None, shown: dict[str, int] | None
) -> None:
    said = wire(answer(figures=replace(FIGURES, curve=curve)), {})

    assert said.get("replicaCurve") == shown


@pytest.mark.parametrize(
    ("figure", "value", "field", "shown"),
    [
        ("rate", 0.0, "arrivalsPerSecond", "0"),
        ("rate", 0.04, "arrivalsPerSecond", "0.04"),
        ("rate", 64.94, "arrivalsPerSecond", "64.9"),
        ("rate", 64.96, "arrivalsPerSecond", "65"),
        ("rate", 99.97, "arrivalsPerSecond", "100"),
        ("rate", 1234.5, "arrivalsPerSecond", "1234"),
        ("rate", None, "arrivalsPerSecond", None),
        ("safe_rate", 64.94, "safeRatePerReplica", "64.9"),
        ("attainment", 0.0, "attainmentPercent", "0"),
        ("attainment", 0.9, "attainmentPercent", "90"),
        ("attainment", 0.99, "attainmentPercent", "99"),
        ("attainment", 0.98765, "attainmentPercent", "98.77"),
        ("attainment", 1.0, "attainmentPercent", "100"),
        ("attainment", None, "attainmentPercent", None),
        ("p99_seconds", 0.0714, "p99Milliseconds", 71),
        ("lead_seconds", 18.6, "coldStartSeconds", 19),
        ("waiting", 0.4, "waitingRequests", 0),
        ("waiting", None, "waitingRequests", None),
    ],
)
def test_figures_are_rounded(figure: str, value: float | None, field: str, shown: object) -> None:
    said = replace(answer(), figures=replace(FIGURES, **{figure: value}))

    assert wire(said, {}).get(field) == shown


def test_where_latencies_come_from_is_said() -> None:
    assert wire(answer(latency_source=LatencySource.SUMMARY), {})["latencySource"] == "summary"


def test_before_the_first_answer_it_is_what_was_shown_last() -> None:
    assert wire(None, {"autoscaling": BEFORE}) == BEFORE


def test_how_many_are_aside_is_of_now_whoever_said_it() -> None:
    told = {"autoscaling": {**BEFORE, "asideReplicas": 3}}

    assert wire(answer(), told, 2)["asideReplicas"] == 2
    assert wire(None, told, 2)["asideReplicas"] == 2
    assert "asideReplicas" not in wire(answer(), told)
    assert "asideReplicas" not in wire(None, told)


@pytest.mark.parametrize("previous", [{}, {"autoscaling": {"metrics": "Dubious"}}])
def test_without_an_answer_and_something_readable_there_is_nothing(
    previous: dict[str, Any],
) -> None:
    """The second is what an older definition may have allowed."""
    assert scaling_status(None, previous, 1) is None


def test_the_last_change_stays_until_there_is_another() -> None:
    previous = {"autoscaling": BEFORE}

    assert wire(answer(2), previous)["lastDecision"] == BEFORE["lastDecision"]
    assert wire(changed(2, 5), previous)["lastDecision"]["to"] == 5


def test_an_unreadable_past_takes_nothing_from_an_answer() -> None:
    found = wire(answer(3), {"autoscaling": {"metrics": "Dubious", "lastDecision": 7}})

    assert found["recommendedReplicas"] == 3
    assert "lastDecision" not in found


def test_long_sentences_are_shortened_to_what_the_definition_allows() -> None:
    found = wire(
        replace(answer(reasons=("long " * 300,)), change=Change(NOW, 1, 2, "why " * 400)), {}
    )

    assert len(found["reasons"][0]) <= REASON_LIMIT
    assert len(found["lastDecision"]["reason"]) <= 1024


def test_what_a_pool_does_is_shown_where_it_is_known() -> None:
    figures = replace(FIGURES, predicted_p99_seconds=0.0712)
    said = answer(safe_rates={"cpu": 11.84, "l4": 118.0}, figures=figures)

    assert pool_figures(said, "cpu", {}) == ("11.8/s", 71)
    assert pool_figures(said, "l4", {}) == ("118/s", 71)
    assert pool_figures(said, "a100", {}) == (None, None), "nobody has served there"
    apart = replace(said, alone="l4")
    assert pool_figures(apart, "cpu", {}) == ("11.8/s", None), "its pods get no requests"


def test_a_new_operator_shows_what_was_told_until_it_has_looked() -> None:
    row = {"name": "cpu", "capacityPerReplica": "64.9/s", "predictedP99Milliseconds": 88}

    assert pool_figures(None, "cpu", {"pools": [row]}) == ("64.9/s", 88)
    assert pool_figures(None, "l4", {"pools": [row]}) == (None, None)


def test_the_rate_is_the_plans_until_replicas_have_shown_another() -> None:
    row = {"name": "cpu", "capacityPerReplica": "64.9/s"}
    said = answer(safe_rates={"cpu": 11.84})

    assert pool_figures(None, "cpu", {}, 64.84) == ("64.8/s", None)
    assert pool_figures(None, "cpu", {"pools": [row]}, 50.0) == ("64.9/s", None)
    assert pool_figures(said, "cpu", {}, 64.84)[0] == "11.8/s"
    assert pool_figures(said, "l4", {}, 1549.0) == ("1549/s", None)
    assert pool_figures(None, "cpu", {}, 0.0) == (None, None), "the objective cannot be kept"
