"""Two looks at pods as one service's traffic: what each rule of metrics comes to."""

import math
from typing import Any, NamedTuple

import pytest

from tests.unit.autoscaling.pods import pod, samples, told
from triton_operator.autoscaling.look import between
from triton_operator.autoscaling.samples import PodTarget, Samples

OBJECTIVE_MS = 250
AB = (pod("a"), pod("b"))


class Row(NamedTuple):
    name: str
    before: Samples
    after: Samples
    expected: dict[str, Any]
    why: str
    targets: tuple[PodTarget, ...] = AB


NO_TRAFFIC = {"traffic": None, "counted": 0}
ROWS = [
    Row(
        "answers",
        samples(0, a=told(0, 100), b=told(0, 50)),
        samples(5, a=told(5, 130), b=told(5, 60)),
        {"arrivals": 40, "interval": 5, "reporting": 2, "counted": 2, "pending": 0},
        "differences of each pod, not of sums",
    ),
    Row(
        "failures",
        samples(0, a=told(0, 9, failures={"OTHER": 1, "REJECTED": 5})),
        samples(5, a=told(5, 9, failures={"OTHER": 2, "REJECTED": 8})),
        {"arrivals": 4},
        "who was refused came, too",
        AB[:1],
    ),
    Row(
        "what waits grows",
        samples(0, a=told(0, 100, pending=10)),
        samples(5, a=told(5, 180, pending=70)),
        {"arrivals": 140, "pending": 70},
        "answers alone cannot show more than the capacity",
        AB[:1],
    ),
    Row(
        "what waits shrinks",
        samples(0, a=told(0, 100, pending=70)),
        samples(5, a=told(5, 180, pending=10)),
        {"arrivals": 20, "pending": 10},
        "most answers are of requests that came before",
        AB[:1],
    ),
    Row(
        "executed and not answered yet",
        samples(0, a=told(0, 100, pending=8), b=told(0, 0)),
        samples(1, a=told(1, 100), b=told(1, 20)),
        {"arrivals": 12},
        "one pod may be below zero: what it lacks now comes with its answers",
    ),
    Row(
        "all executed and not answered yet",
        samples(0, a=told(0, 100, pending=8)),
        samples(1, a=told(1, 100)),
        {"arrivals": 0},
        "no fewer than none came",
        AB[:1],
    ),
    Row(
        "nothing moves",
        samples(0, a=told(0, 100), b=told(0, 50)),
        samples(5, a=told(5, 100), b=told(5, 50)),
        {"arrivals": 0, "counted": 2},
        "counters that exist and stand still are zero traffic",
    ),
    Row(
        "no success",
        samples(0, a=told(0, 100), b=told(0, success=None)),
        samples(5, a=told(5, 150), b=told(5, success=None)),
        {"arrivals": 50, "reporting": 1, "expected": 2},
        "absent is not zero: that pod has told nothing",
    ),
    Row(
        "no gauge",
        samples(0, a=told(0, 100, pending=None)),
        samples(5, a=told(5, 150, pending=None)),
        {**NO_TRAFFIC, "pending": None, "reporting": 0, "age": math.inf},
        "arrivals beyond the capacity would be hidden",
        AB[:1],
    ),
    Row(
        "no failures",
        samples(0, a=told(0, 100, failures=None)),
        samples(5, a=told(5, 150, failures=None)),
        {**NO_TRAFFIC, "reporting": 0},
        "unknown is not none",
        AB[:1],
    ),
    Row(
        "nobody tells",
        samples(0),
        samples(5),
        {**NO_TRAFFIC, "pending": None, "reporting": 0, "expected": 2, "age": math.inf},
        "no data",
    ),
    Row(
        "no pods",
        samples(0),
        samples(5),
        {**NO_TRAFFIC, "pending": None, "expected": 0},
        "no pod is no proof that nobody asks",
        (),
    ),
    Row(
        "counters begin anew",
        samples(0, a=told(0, 1000, pending=30), b=told(0, 50)),
        samples(5, a=told(5, 20, pending=3), b=told(5, 60)),
        {"arrivals": 33},
        "the model was loaded again: the new values, what waits too",
    ),
    Row(
        "failures begin anew, successes overtook",
        samples(0, a=told(0, 10, failures={"OTHER": 9}, pending=5)),
        samples(5, a=told(5, 40, failures={"OTHER": 1}, pending=5)),
        {"arrivals": 46},
        "one counter that falls tells of a new process: all begin at zero",
        AB[:1],
    ),
    Row(
        "container restarted",
        samples(0, a=told(0, 1000), b=told(0, 50)),
        samples(5, a_1=told(5, 40), b=told(5, 60)),
        {"arrivals": 50, "counted": 2},
        "another process, which started between the looks",
        (pod("a", 1, started=2.0), pod("b")),
    ),
    Row(
        "new pod",
        samples(0, a=told(0, 100)),
        samples(5, a=told(5, 120), b=told(5, 30, pending=5)),
        {"arrivals": 55, "counted": 2},
        "it started after the first look: all it has counted is new",
        (pod("a"), pod("b", started=1.0)),
    ),
    Row(
        "old pod, first seen",
        samples(0, a=told(0, 100)),
        samples(5, a=told(5, 120), b=told(5, 9000, pending=5)),
        {"arrivals": 20, "counted": 1, "reporting": 2, "pending": 5},
        "it has counted for an hour: what of it is new is not known",
    ),
    Row(
        "pod first seen, start unknown",
        samples(0, a=told(0, 100)),
        samples(5, a=told(5, 120), b=told(5, 9000)),
        {"arrivals": 20, "counted": 1},
        "as old as can be",
        (pod("a"), pod("b", started=None)),
    ),
    Row(
        "pod gone",
        samples(0, a=told(0, 100), b=told(0, 5000, pending=80)),
        samples(5, a=told(5, 120)),
        {"arrivals": 20, "expected": 1, "reporting": 1},
        "no negative arrivals",
        AB[:1],
    ),
    Row(
        "pod gone, still told",
        samples(0, a=told(0, 100), b=told(0, 50)),
        samples(5, a=told(5, 120), b=told(5, 70)),
        {"arrivals": 20, "pending": 0, "reporting": 1},
        "only targets count: a pod that drains gets no requests",
        AB[:1],
    ),
    Row(
        "pod missing",
        samples(0, a=told(0, 100), b=told(0, 50)),
        samples(60, a=told(60, 700)),
        {"arrivals": 600, "expected": 2, "reporting": 1, "age": 0},
        "its old sample says nothing of now",
    ),
    Row(
        "pod missing for one look",
        samples(0, a=told(0, 100), b=told(0, 50, pending=2)),
        samples(5, a=told(5, 120)),
        {"arrivals": 20, "reporting": 2, "counted": 1, "pending": 2},
        "five seconds are fresh enough",
    ),
    Row(
        "targets twice",
        samples(0, a=told(0, 100)),
        samples(5, a=told(5, 120, pending=4)),
        {"arrivals": 24, "pending": 4, "expected": 1, "reporting": 1},
        "a pod is one pod however often it is named",
        (pod("a"), pod("a")),
    ),
    Row(
        "pods at different times",
        samples(5, a=told(5, 100), b=told(1, 100)),
        samples(10, a=told(10, 200), b=told(9, 260)),
        {"arrivals": 200, "interval": 5},
        "20/s each, over each pod's own time",
    ),
    Row(
        "no new sample",
        samples(5, a=told(4, 100)),
        samples(7, a=told(4, 100)),
        {**NO_TRAFFIC, "reporting": 1, "age": 3},
        "the same sample again is no time without requests",
        AB[:1],
    ),
    Row(
        "an older sample",
        samples(5, a=told(4, 100)),
        samples(7, a=told(2, 90)),
        {**NO_TRAFFIC, "age": 3},
        "a late answer of another path",
        AB[:1],
    ),
    Row(
        "old samples",
        samples(100, a=told(60, 100)),
        samples(105, a=told(65, 200)),
        {**NO_TRAFFIC, "pending": None, "reporting": 0, "age": 40},
        "what was 40 s ago is not now",
        AB[:1],
    ),
    Row(
        "a sample from the future",
        samples(5, a=told(6, 100)),
        samples(10, a=told(12, 160)),
        {"arrivals": 50, "age": 0},
        "the pod's clock is ahead: no negative age",
        AB[:1],
    ),
    Row(
        "another source",
        samples(0, "prometheus", a=told(0, 100)),
        samples(5, "pods", a=told(5, 900)),
        {**NO_TRAFFIC, "reporting": 1},
        "two clocks are not compared",
        AB[:1],
    ),
    Row(
        "the clock was put back",
        samples(5000, a=told(5000, 100)),
        samples(5, a=told(5, 900)),
        {**NO_TRAFFIC, "reporting": 1},
        "time that goes back measures nothing",
        AB[:1],
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_two_looks_say(row: Row) -> None:
    result = between(row.before, row.after, row.targets, OBJECTIVE_MS)

    values = {
        "arrivals": result.traffic and result.traffic.arrivals,
        "interval": result.traffic and result.traffic.interval_seconds,
        "age": result.age_seconds,
    }
    for name, expected in row.expected.items():
        value = values[name] if name in values else getattr(result, name)
        assert value == (None if expected is None else pytest.approx(expected)), (
            f"{name}: {row.why}"
        )


def test_rates_of_single_pods_and_rows_of_requests() -> None:
    result = between(
        samples(0, a=told(0, 0, inferences=0.0), b=told(0, 0, inferences=0.0)),
        samples(5, a=told(5, 50, inferences=200.0), b=told(5, 150, inferences=600.0)),
        AB,
        OBJECTIVE_MS,
    )

    assert result.answered_rates == {"shop/a/0": 10.0, "shop/b/0": 30.0}
    assert result.rows_per_request == pytest.approx(4.0)
