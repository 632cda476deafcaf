"""What a member reports of a service: taken whole, or not at all."""

from typing import Any

import pytest

from triton_operator.fleet.failing import Errors
from triton_operator.fleet.reports import Report, is_reported_gone, merged, report_of

TIME = "2026-01-01T00:00:00Z"
LOAD = {
    "needReplicas": "5.5",
    "readyReplicas": 4,
    "capReplicas": 6,
    "arrivalsPerSecond": "110",
    "safeRatePerReplica": "20",
    "p99Milliseconds": 61,
    "observedAt": TIME,
}


def applied(status: str = "True", reason: str = "InForce") -> dict[str, Any]:
    return {
        "type": "Applied",
        "status": status,
        "reason": reason,
        "message": "so it is",
        "lastTransitionTime": TIME,
    }


def test_a_whole_report() -> None:
    status = {
        "sequence": 9,
        "appliedRevision": 3,
        "appliedMaxReplicas": 8,
        "conditions": [applied()],
        "load": LOAD,
    }

    assert report_of(status) == Report(
        ready=4,
        capacity=6,
        need=5.5,
        safe_rate=20.0,
        p99_seconds=0.061,
        maximum=8,
        revision=3,
        applied=True,
        arrivals=110.0,
    )


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ((("Available", "True", "R"), ("Progressing", "False", "RolledOut")), (True, True, "", "")),
        (
            (("Available", "True", "R"), ("Progressing", "False", "RolloutStuck")),
            (True, False, "so it is", "RolloutStuck: so it is"),
        ),
        (
            (("Available", "False", "R"), ("Progressing", "False", "RolledOut")),
            (False, True, "", "R: so it is"),
        ),
        (
            (("Available", "True", "R"), ("Progressing", "True", "RolledOut")),
            (True, False, "", "RolledOut: so it is"),
        ),
        ((("Available", "True", "R"),), (True, False, "", "")),
        ((), (False, False, "", "")),
    ],
)
def test_what_its_operator_says_of_the_revision(
    rows: tuple[tuple[str, str, str], ...], found: tuple[bool, bool, str, str]
) -> None:
    conditions = [{**applied(status, reason), "type": type_} for type_, status, reason in rows]

    told = report_of({"sequence": 1, "conditions": conditions})

    assert (told.available, told.rolled_out, told.stuck, told.said) == found


def test_a_curve_is_one_of_few_that_have_to_be_solved() -> None:
    told = {"baseMicroseconds": 3980, "perRequestMicroseconds": 1070, "maxBatchSize": 16}

    found = [
        report_of(
            {"sequence": 1, "load": {**LOAD, "replicaCurve": {**told, "instances": 2, **other}}}
        ).curve
        for other in ({}, {"baseMicroseconds": 3990}, {"baseMicroseconds": 5000})
    ]

    assert found[0] is not None
    assert (found[0].max_batch_size, found[0].instances) == (16, 2)
    assert found[0].seconds(1) == pytest.approx(0.00505, rel=0.01)
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    "odd",
    [{"maxBatchSize": 4096}, {"instances": 0}, {"baseMicroseconds": -1}, {"instances": 10**9}],
)
def test_a_report_with_a_curve_that_cannot_be_solved_is_refused(odd: dict[str, int]) -> None:
    told = {"baseMicroseconds": 3980, "perRequestMicroseconds": 1070, "maxBatchSize": 16}
    curve = {**told, "instances": 2, **odd}

    found = report_of({"sequence": 1, "load": {**LOAD, "replicaCurve": curve}})

    assert "replicaCurve" in found.refused
    assert (found.curve, found.need) == (None, None)


def test_a_work_that_nobody_has_looked_at() -> None:
    assert report_of({}) == Report()


def test_demand_that_is_not_told_is_not_nothing() -> None:
    load = {name: value for name, value in LOAD.items() if name != "needReplicas"}

    assert report_of({"sequence": 1, "load": load}).need is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"needReplicas": "100001"}, "needReplicas", id="demand of a continent"),
        pytest.param({"needReplicas": "1e9"}, "needReplicas", id="no decimal"),
        pytest.param({"needReplicas": "NaN"}, "needReplicas", id="not a number"),
        pytest.param({"needReplicas": "-1"}, "needReplicas", id="less than none"),
        pytest.param({"safeRatePerReplica": "0"}, "safeRatePerReplica", id="never serves"),
        pytest.param({"attainmentPercent": "100.1"}, "attainmentPercent", id="more than all"),
        pytest.param({"readyReplicas": 100_001}, "readyReplicas", id="too many ready"),
        pytest.param(
            {"recentRequests": 5, "failedRequests": 6}, "failedRequests", id="more fail than come"
        ),
        pytest.param({"failedRequests": 1}, "recentRequests", id="failures of nothing"),
        pytest.param({"recentRequests": 10**10}, "recentRequests", id="more than anybody counts"),
        pytest.param(
            {"recentRequests": 5, "failedRequests": -1}, "failedRequests", id="less than none fail"
        ),
        pytest.param({"recentRequests": 1.5}, "recentRequests", id="half a request"),
        pytest.param({"capReplicas": -1}, "capReplicas", id="negative room"),
        pytest.param({"p99Milliseconds": 10**9}, "p99Milliseconds", id="eleven days"),
        pytest.param({"needReplicas": "9" * 10_000}, "needReplicas", id="a huge text"),
    ],
)
def test_one_absurd_number_is_reason_enough(change: dict[str, Any], words: str) -> None:
    report = report_of({"sequence": 1, "load": {**LOAD, **change}})

    assert words in report.refused
    assert (report.need, report.capacity, report.ready) == (None, None, 0)
    assert len(report.refused) < 500


@pytest.mark.parametrize(
    ("counts", "errors"),
    [
        ({"recentRequests": 1000, "failedRequests": 3}, Errors(1000, 3)),
        ({"recentRequests": 0, "failedRequests": 0}, Errors(0, 0)),
        ({"recentRequests": 1000}, None),
        ({"failedRequests": 0}, None),
        ({}, None),
    ],
)
def test_errors_are_told_with_what_they_are_a_share_of(
    counts: dict[str, int], errors: Errors | None
) -> None:
    report = report_of({"sequence": 1, "load": {**LOAD, **counts}})

    assert (report.errors, report.refused) == (errors, "")


def test_what_was_taken_before_stays_but_for_demand() -> None:
    """What is remembered of demand is smoothed, and is not made anew from an old report."""
    before = report_of({"sequence": 1, "load": LOAD})
    refused = report_of({"sequence": 2, "load": {**LOAD, "needReplicas": "100001"}})

    found = merged(refused, before)

    assert (found.ready, found.capacity, found.safe_rate) == (4, 6, 20.0)
    assert found.need is None
    assert found.refused


def test_a_report_that_is_taken_is_the_last_word() -> None:
    before, now = report_of({"sequence": 1, "load": LOAD}), report_of({"sequence": 2})

    assert merged(now, before) == now


def test_a_refusal_of_the_agent_is_quoted() -> None:
    report = report_of({"sequence": 1, "conditions": [applied("False", "NotOwned")]})

    assert not report.applied
    assert report.problem == "NotOwned: so it is"


@pytest.mark.parametrize(
    ("row", "gone"),
    [
        (applied("False", "Deleted"), True),
        (applied("True", "Deleted"), False),
        (applied("False", "Deleting"), False),
        ({**applied("False", "Deleted"), "type": "Available"}, False),
    ],
)
def test_when_a_work_is_gone(row: dict[str, Any], gone: bool) -> None:
    assert is_reported_gone({"conditions": [row]}) is gone
    assert not is_reported_gone({})


DECISION = {"number": 4, "time": TIME, "from": 1, "to": 2, "reason": "why"}


def test_decisions_are_no_news_for_a_placement() -> None:
    assert report_of({"sequence": 1, "load": LOAD, "decisions": [DECISION]}) == report_of(
        {"sequence": 1, "load": LOAD}
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([DECISION, DECISION], "decisions: Value error, number 4 comes after 4"),
        ([DECISION, {**DECISION, "number": 3}], "number 3 comes after 4"),
        ([{**DECISION, "number": number} for number in range(1, 32)], "at most 30 items"),
        ([{**DECISION, "time": "soon"}], "decisions.0.time"),
        ([{**DECISION, "time": "2026-02-30T00:00:00Z"}], "decisions.0.time"),
        ([{**DECISION, "to": 100_001}], "decisions.0.to"),
        ([{**DECISION, "reason": "\x1b[2J"}], "decisions.0.reason"),
        ("many", "decisions"),
    ],
)
def test_decisions_that_cannot_be_are_refused_with_the_rest(rows: Any, said: str) -> None:
    report = report_of({"sequence": 1, "load": LOAD, "decisions": rows})

    assert said in report.refused
    assert report.capacity is None
