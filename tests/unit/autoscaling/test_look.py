"""Two looks at pods as one service's traffic: what each rule of metrics comes to."""

import math
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.autoscaling.pods import pod, samples, told
from triton_operator.autoscaling.look import LatencySource, between, look
from triton_operator.autoscaling.samples import PodTarget, Samples, with_samples

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


def histogram(in_time: float, answered: float, edge: float = 249.0) -> dict[str, Any]:
    return {"within_ms": {100.0: 0.0, edge: in_time}, "answered": answered}


class Latency(NamedTuple):
    name: str
    before: Samples
    after: Samples
    source: LatencySource
    why: str
    answered: float | None = None
    within: float | None = None
    p99: float | None = None
    targets: tuple[PodTarget, ...] = AB


LATENCIES = [
    Latency(
        "histogram",
        samples(0, a=told(0, 100, **histogram(90, 100)), b=told(0, 0, **histogram(0, 0))),
        samples(5, a=told(5, 150, **histogram(130, 150)), b=told(5, 50, **histogram(45, 50))),
        LatencySource.HISTOGRAM,
        "sums over pods are exact",
        answered=100,
        within=85,
    ),
    Latency(
        "errors are fast",
        samples(0, a=told(0, 0, **histogram(0, 0))),
        samples(5, a=told(5, 80, failures={"REJECTED": 20.0, "OTHER": 0.0}, **histogram(90, 100))),
        LatencySource.HISTOGRAM,
        "the histogram has errors in it: none of them met the objective",
        answered=100,
        within=70,
        targets=AB[:1],
    ),
    Latency(
        "more errors than fast answers",
        samples(0, a=told(0, 0, **histogram(0, 0))),
        samples(5, a=told(5, 0, failures={"OTHER": 20.0}, **histogram(5, 20))),
        LatencySource.HISTOGRAM,
        "not fewer than none",
        answered=20,
        within=0,
        targets=AB[:1],
    ),
    Latency(
        "another edge",
        samples(0, a=told(0, 0, **histogram(0, 0, 250.0))),
        samples(5, a=told(5, 100, **histogram(90, 100, 250.0))),
        LatencySource.MODEL,
        "249.9 ms is written as 249: at 250 there are late ones too",
        targets=AB[:1],
    ),
    Latency(
        "an older release among them",
        samples(0, a=told(0, 0, **histogram(0, 0)), b=told(0)),
        samples(5, a=told(5, 100, **histogram(90, 100)), b=told(5, 100)),
        LatencySource.MODEL,
        "a part of the pods is not the service",
    ),
    Latency(
        "an idle pod without a histogram",
        samples(0, a=told(0, 0, **histogram(0, 0)), b=told(0)),
        samples(5, a=told(5, 100, **histogram(90, 100)), b=told(5)),
        LatencySource.HISTOGRAM,
        "it has no answers to judge",
        answered=100,
        within=90,
    ),
    Latency(
        "a new pod",
        samples(0, a=told(0, 0, **histogram(0, 0))),
        samples(5, a=told(5, 100, **histogram(90, 100)), b=told(5, 50, **histogram(20, 50))),
        LatencySource.HISTOGRAM,
        "its buckets count from zero as well",
        answered=150,
        within=110,
        targets=(pod("a"), pod("b", started=1.0)),
    ),
    Latency(
        "a histogram that begins anew",
        samples(0, a=told(0, 100, **histogram(90, 100))),
        samples(5, a=told(5, 20, **histogram(15, 20))),
        LatencySource.HISTOGRAM,
        "the new values",
        answered=20,
        within=15,
        targets=AB[:1],
    ),
    Latency(
        "summaries",
        samples(0, a=told(0, 0, p99_us=100_000.0), b=told(0, 0, p99_us=0.0)),
        samples(5, a=told(5, 100, p99_us=180_000.0), b=told(5, 20, p99_us=210_000.0)),
        LatencySource.SUMMARY,
        "the worst pod's bounds the percentile of all; a mean would be nothing",
        p99=0.21,
    ),
    Latency(
        "a summary of few",
        samples(0, a=told(0), b=told(0)),
        samples(5, a=told(5, 100, p99_us=180_000.0), b=told(5, 5, p99_us=900_000.0)),
        LatencySource.SUMMARY,
        "60 requests a minute have no 99th percentile",
        p99=0.18,
    ),
    Latency(
        "histogram before summaries",
        samples(0, a=told(0, 0, p99_us=1.0, **histogram(0, 0))),
        samples(5, a=told(5, 100, p99_us=1.0, **histogram(90, 100))),
        LatencySource.HISTOGRAM,
        "counted is better than bounded",
        answered=100,
        within=90,
        targets=AB[:1],
    ),
    Latency(
        "only summaries of few",
        samples(0, a=told(0)),
        samples(5, a=told(5, 5, p99_us=900_000.0)),
        LatencySource.MODEL,
        "nothing measured that can be believed",
        targets=AB[:1],
    ),
]


@pytest.mark.parametrize("row", LATENCIES, ids=lambda row: row.name)
def test_the_best_that_is_known_of_latency(row: Latency) -> None:
    result = between(row.before, row.after, row.targets, OBJECTIVE_MS)

    assert result.latency_source == row.source, row.why
    assert result.p99_seconds == row.p99, row.why
    assert result.traffic is not None
    assert result.traffic.answered == (row.answered and pytest.approx(row.answered)), row.why
    assert result.traffic.within_objective == (
        None if row.within is None else pytest.approx(row.within)
    ), row.why


def test_rates_of_single_pods_and_rows_of_requests() -> None:
    result = between(
        samples(0, a=told(0, 0, inferences=0.0), b=told(0, 0, inferences=0.0)),
        samples(5, a=told(5, 50, inferences=200.0), b=told(5, 150, inferences=600.0)),
        AB,
        OBJECTIVE_MS,
    )

    assert result.answered_rates == {"shop/a/0": 10.0, "shop/b/0": 30.0}
    assert result.rows_per_request == pytest.approx(4.0)


def test_looks_between_two_scrapes_keep_the_rate() -> None:
    """Prometheus has a new sample every 5 s, we look every 2 s: not nothing, then twice as much."""
    seen = None
    rates = []
    for now in range(0, 60, 2):
        scraped = now - now % 5
        taken = samples(now, a=told(scraped, scraped * 40.0))
        seen = with_samples(seen, taken, AB[:1])
        traffic = look(seen, AB[:1], OBJECTIVE_MS).traffic
        if traffic is not None:
            assert traffic.interval_seconds == 2
            rates.append(traffic.arrivals / traffic.interval_seconds)

    assert len(rates) == 27, "from the second scrape on, every look has traffic"
    assert rates == [pytest.approx(40.0)] * 27


def test_a_pod_that_missed_a_look_is_counted_over_its_own_time() -> None:
    seen = with_samples(None, samples(0, a=told(0), b=told(0)), AB)
    seen = with_samples(seen, samples(5, a=told(5, 50)), AB)
    seen = with_samples(seen, samples(10, a=told(10, 100), b=told(10, 100)), AB)

    traffic = look(seen, AB, OBJECTIVE_MS).traffic

    assert traffic is not None
    assert traffic.arrivals == pytest.approx(100), "10/s of each pod, for 5 s"


def test_a_new_pod_that_told_nothing_at_first_counts_since_it_was_wanted() -> None:
    """Its counters are of three looks; as one look's traffic they would be three times too many."""
    both = (pod("a"), pod("b", started=1.0))
    seen = with_samples(None, samples(0, a=told(0)), both[:1])
    seen = with_samples(seen, samples(5, a=told(5)), both)
    seen = with_samples(seen, samples(10, a=told(10)), both)
    seen = with_samples(seen, samples(15, a=told(15), b=told(15, 150)), both)

    traffic = look(seen, both, OBJECTIVE_MS).traffic

    assert traffic is not None
    assert traffic.arrivals == pytest.approx(50)


def test_a_pod_that_was_not_ready_for_a_while_goes_on_from_its_own_counters() -> None:
    both = (pod("a"), pod("b", started=1.0))
    seen = with_samples(None, samples(0, a=told(0)), both[:1])
    seen = with_samples(seen, samples(10, a=told(10), b=told(10, 100)), both)
    seen = with_samples(seen, samples(20, a=told(20)), both[:1])
    seen = with_samples(seen, samples(110, a=told(110), b=told(110, 200)), both)

    traffic = look(seen, both, OBJECTIVE_MS).traffic

    assert traffic is not None
    assert traffic.arrivals == pytest.approx(90), "100 in its 100 s, 90 s of them since"


def test_a_pod_that_is_gone_for_long_is_forgotten() -> None:
    seen = with_samples(None, samples(0, a=told(0), b=told(0)), AB)
    seen = with_samples(seen, samples(3600, a=told(3600)), AB[:1])

    assert set(seen.pods) == {"shop/a/0"}


@given(
    counts=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 100)), min_size=2, max_size=30),
    lost=st.sets(st.integers(1, 28)),
)
def test_over_time_no_request_is_lost_or_doubled(
    counts: list[tuple[int, int]], lost: set[int]
) -> None:
    """Answers and what waits add up to what came, whichever looks in between had no sample."""
    seen = None
    success, came = 0, 0.0
    for place, (answers, waiting) in enumerate(counts):
        success += answers
        is_there = place not in lost or place == len(counts) - 1
        taken = samples(place, a=told(place, success, pending=waiting)) if is_there else None
        earlier = seen
        seen = with_samples(seen, taken or samples(place), AB[:1])
        if earlier is not None and seen.pods != earlier.pods and "shop/a/0" in earlier.pods:
            history = seen.pods["shop/a/0"]
            assert history.earlier == earlier.pods["shop/a/0"].latest
            metrics, before = history.latest.metrics, history.earlier.metrics
            assert metrics.success is not None
            assert before.success is not None
            came += metrics.success - before.success

    assert came == success - counts[0][0]
