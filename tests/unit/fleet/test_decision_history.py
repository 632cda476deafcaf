"""The history of decisions that an agent keeps on a service."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.api.fields import MOST_SEQUENCE
from triton_operator.api.inference_work import InferenceWorkStatus
from triton_operator.api.work_decision import MOST_DECISIONS, WorkDecision
from triton_operator.fleet.decision_history import (
    MOST_BYTES,
    History,
    by_time,
    extended,
    history_of,
    readable,
    text_of,
)
from triton_operator.fleet.origin import DECISIONS

ROW: dict[str, Any] = {
    "number": 7,
    "time": "2026-11-28T12:00:00Z",
    "from": 2,
    "to": 4,
    "reason": "600 requests/s",
}
LAST = {name: value for name, value in ROW.items() if name != "number"}
SEVEN = readable([ROW])


def status(last: Any = LAST, **changes: Any) -> dict[str, Any]:
    return {"autoscaling": {"metrics": "Fresh", "lastDecision": {**last, **changes}}}


def noted(text: str) -> dict[str, Any]:
    return {"metadata": {"annotations": {DECISIONS: text}}}


def numbers(history: History) -> list[int]:
    return [one.number for one in history]


def many(count: int, reason: str = "why", history: History = ()) -> History:
    """So many changes, one a second."""
    for step in range(count):
        time = f"2026-11-28T{step // 3600:02d}:{step // 60 % 60:02d}:{step % 60:02d}Z"
        history = extended(history, status(time=time, to=3 + step % 2, reason=reason))
    return history


def test_a_first_decision_is_number_one() -> None:
    (one,) = extended((), status())

    assert one.wire() == {**ROW, "number": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2026-11-28T12:00:01Z"},
        {"from": 3},
        {"to": 5},
        # A clock that was set back.
        {"time": "2001-01-01T00:00:00Z"},
    ],
)
def test_another_decision_gets_the_next_number(changes: dict[str, Any]) -> None:
    history = extended(SEVEN, status(**changes))

    assert numbers(history) == [7, 8]
    assert history[-1].wire() == {**ROW, **changes, "number": 8}


@pytest.mark.parametrize(
    "what",
    [
        status(),
        # A reason alone makes no decision: this one may have been shortened.
        status(reason="other words"),
        status(to=2),
        {},
        {"autoscaling": None},
        {"autoscaling": "x"},
        {"autoscaling": {}},
        {"autoscaling": {"lastDecision": None}},
        {"autoscaling": {"lastDecision": 7}},
        {"autoscaling": {"lastDecision": {}}},
        status(time="now"),
        status(time="2026-11-28 12:00:00Z"),
        status(time="2026-02-30T00:00:00Z"),
        status(time="2026-11-28T12:00:00.5Z"),
        status(time=None),
        status(**{"from": -1}),
        status(**{"from": 100_001}),
        status(to="many"),
        status(to=4.5),
        status(to=float("nan")),
        status(to=None),
    ],
    ids=repr,
)
def test_what_is_no_new_decision_changes_nothing(what: dict[str, Any]) -> None:
    assert extended(SEVEN, what) == SEVEN


def test_an_older_decision_that_a_late_status_brings_again_is_not_counted_twice() -> None:
    first = extended((), status())
    second = extended(first, status(time="2026-11-28T12:05:00Z"))

    assert extended(second, status()) == second


def test_the_oldest_make_room() -> None:
    assert numbers(many(50)) == list(range(21, 51))


@pytest.mark.parametrize("reason", ["w" * 1024, "\U0001f600" * 600, '"\\' * 300, "x\n" * 300])
def test_long_reasons_leave_room_for_fewer(reason: str) -> None:
    history = many(40, reason)

    assert numbers(history) == list(range(41 - len(history), 41))
    assert 3 <= len(history) < MOST_DECISIONS
    assert MOST_BYTES / 2 < len(text_of(history).encode()) <= MOST_BYTES
    assert history_of(noted(text_of(history))) == history


def test_reasons_of_the_usual_length_leave_room_for_all() -> None:
    history = many(
        40, "600 requests/s are expected within 32 s, of which a replica does 64.8/s; " * 2
    )

    assert len(history) == MOST_DECISIONS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "null",
        "7",
        "{}",
        "[[]]",
        "[" * 5000,
        "9" * 5000,
        "[NaN]",
        json.dumps([ROW]) + " " * MOST_BYTES,
    ],
    ids=lambda text: text[:10],
)
def test_what_is_no_history_counts_as_none(text: str) -> None:
    assert history_of(noted(text)) == ()
    assert numbers(extended(history_of(noted(text)), status())) == [1]


def test_a_service_without_annotations_has_no_history() -> None:
    assert history_of({"metadata": {}}) == ()
    assert history_of({"metadata": {"annotations": None}}) == ()


ODD: list[Any] = [
    None,
    "x",
    [],
    {},
    {**ROW, "number": 0},
    {**ROW, "number": MOST_SEQUENCE + 1},
    {**ROW, "number": "many"},
    {**ROW, "from": -1},
    {**ROW, "to": 100_001},
    {**ROW, "time": "yesterday"},
    {**ROW, "time": "2026-13-01T00:00:00Z"},
    {**ROW, "reason": "a" * 513},
    {**ROW, "reason": "\x1b[2J"},
    {**ROW, "reason": "\ud800"},
    {name: value for name, value in ROW.items() if name != "reason"},
]


@pytest.mark.parametrize("row", ODD, ids=repr)
def test_rows_that_are_no_decisions_are_passed_over(row: Any) -> None:
    after = {**ROW, "number": 8}

    assert numbers(readable([ROW, row, after])) == [7, 8]
    assert numbers(history_of(noted(json.dumps([ROW, row, after])))) == [7, 8]


def test_rows_whose_numbers_do_not_rise_are_passed_over() -> None:
    rows = [{**ROW, "number": number} for number in (3, 3, 5, 4, 6)]

    assert numbers(readable(rows)) == [3, 5, 6]


def test_after_the_last_number_it_begins_anew() -> None:
    last = readable([{**ROW, "number": MOST_SEQUENCE}])

    assert numbers(extended(last, status(to=9))) == [1]


texts = st.text(max_size=1100)
lasts = st.fixed_dictionaries(
    {
        "time": st.datetimes().map(lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}".zfill(20)) | texts,
        "from": st.integers(-2, 100_002),
        "to": st.integers(-2, 100_002),
        "reason": texts,
    }
)


@given(st.lists(lasts, max_size=40), texts)
def test_whatever_comes_it_is_kept_within_bounds_in_order_and_as_a_hub_takes_it(
    changes: list[dict[str, Any]], before: str
) -> None:
    history = history_of(noted(before))
    for last in changes:
        after = extended(history, status(last))
        assert extended(after, status(last)) == after
        text = text_of(after)
        assert len(text.encode()) <= MOST_BYTES
        assert history_of(noted(text)) == after, "nothing is lost by a restart"
        if after != history:
            assert after[-1].number == (history[-1].number if history else 0) + 1
            assert history[len(history) + 1 - len(after) :] == after[:-1], "the oldest go first"
        history = after
    told = [one.wire() for one in history]
    assert InferenceWorkStatus.model_validate({"sequence": 1, "decisions": told})


def test_clusters_are_merged_by_time_and_each_keeps_its_order() -> None:
    def one(number: int, minute: int) -> WorkDecision:
        return WorkDecision.model_validate(
            {**ROW, "number": number, "time": f"2026-11-28T12:{minute:02d}:00Z"}
        )

    found = by_time(
        {
            "b": (one(1, 1), one(2, 4)),
            # The clock of this one was set back by some minutes.
            "a": (one(4, 3), one(5, 0), one(6, 5)),
            "c": (),
        }
    )

    assert [(name, row.number) for name, row in found] == [
        ("b", 1),
        ("a", 4),
        ("a", 5),
        ("b", 2),
        ("a", 6),
    ]
