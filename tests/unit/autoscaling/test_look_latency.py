"""What is known of latency: a histogram, else a bound, else nothing; and which of them it is."""

from typing import Any, NamedTuple

import pytest

from tests.unit.autoscaling.pods import pod, samples, told
from triton_operator.autoscaling.look import LatencySource, between
from triton_operator.autoscaling.samples import PodTarget, Samples

OBJECTIVE_MS = 250
AB = (pod("a"), pod("b"))


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
