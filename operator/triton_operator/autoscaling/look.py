"""What a service's samples say in sum: arrivals, what waits, latencies, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from triton_operator.autoscaling.exposition import ModelMetrics
from triton_operator.autoscaling.failures import Ended
from triton_operator.autoscaling.observation import Served, Traffic
from triton_operator.autoscaling.samples import (
    NONE_YET,
    PodHistory,
    PodSample,
    PodTarget,
    Samples,
    Seen,
    with_samples,
)

FRESH_SECONDS = 15.0
"""A sample that is older does not count as told: three looks at 5 s."""
SUMMARY_SECONDS = 60.0
"""Triton's summaries are over this long."""
SUMMARY_REQUESTS = 100
"""A 99th percentile of fewer is one request's."""


class LatencySource(StrEnum):
    """Where the latency comes from, the most exact first."""

    HISTOGRAM = "histogram"
    """Requests within the objective are counted."""
    SUMMARY = "summary"
    """The worst replica's percentile, which bounds that of all."""
    MODEL = "model"
    """Nothing was measured: the queue model's word."""


@dataclass(frozen=True)
class Look:
    """The sums over one service's pods, as of one moment.

    `traffic` is over the time since the look before, None where no pod has two samples.
    `pending` is None where no pod told. `reporting` of `expected` pods have told lately, `counted`
    of these are in `traffic`. `age_seconds` is the newest sample's, infinite where there is none.
    `p99_seconds` is an upper bound, and there for `LatencySource.SUMMARY` only. `answered_rates`
    are successes/s by instance, `rows_per_request` what a request brings to a batch. `queues` are
    what waits, by instance, of those that have told lately. `ended` are requests that came to an
    end since the look before; None: as `traffic`.
    """

    traffic: Traffic | None
    pending: float | None
    expected: int
    reporting: int
    counted: int
    age_seconds: float
    latency_source: LatencySource = LatencySource.MODEL
    p99_seconds: float | None = None
    answered_rates: Mapping[str, float] = field(default_factory=dict)
    rows_per_request: float | None = None
    queues: Mapping[str, float] = field(default_factory=dict)
    ended: Ended | None = None


@dataclass(frozen=True)
class _Change:
    """What one instance did between its two samples, the later one of `until`."""

    seconds: float
    before: ModelMetrics
    after: ModelMetrics
    until: float

    def of(self, name: str) -> float | None:
        before, after = getattr(self.before, name), getattr(self.after, name)
        return None if before is None or after is None else after - before

    def rate(self, name: str) -> float | None:
        change = self.of(name)
        return None if change is None else change / self.seconds


def between(
    before: Samples,
    after: Samples,
    targets: Iterable[PodTarget],
    objective_milliseconds: int,
) -> Look:
    """What two sets of samples of the same pods say, where nothing older is remembered."""
    targets = tuple(targets)
    return look(
        with_samples(with_samples(None, before, targets), after, targets),
        targets,
        objective_milliseconds,
    )


def look(
    seen: Seen,
    targets: Iterable[PodTarget],
    objective_milliseconds: int,
    fresh_seconds: float = FRESH_SECONDS,
) -> Look:
    """The sums over `targets`, the pods that should tell, each instance once.

    Arrivals are answers, failures and the growth of what waits. They are rates over each pod's own
    interval, times the time between the looks, so that late and early samples neither hide nor
    double requests. A single pod's may be negative for a moment, while what waited is executed and
    not answered yet; only the sum is held at 0, or the correction that follows would count twice.

    Zero arrivals are only said where pods have told their counters twice and these stand still.
    """
    wanted = {target.instance for target in targets}
    known = {instance: seen.pods[instance] for instance in wanted & seen.pods.keys()}
    ages = {one: max(0.0, seen.taken - pod.latest.time) for one, pod in known.items()}
    fresh = {one: pod for one, pod in known.items() if ages[one] <= fresh_seconds}
    changes = {one: change for one, pod in fresh.items() if (change := _change(pod)) is not None}
    queues = {one: pod.latest.metrics.pending or 0.0 for one, pod in fresh.items()}
    traffic, source, p99 = _traffic(seen, changes, objective_milliseconds)
    answered = _summed(changes.values(), "success")
    rows = _summed(changes.values(), "inferences")
    return Look(
        traffic=traffic,
        pending=sum(queues.values()) if queues else None,
        expected=len(wanted),
        reporting=len(fresh),
        counted=len(changes) if traffic else 0,
        age_seconds=min(ages.values(), default=math.inf),
        latency_source=source,
        p99_seconds=p99,
        answered_rates={one: change.rate("success") or 0.0 for one, change in changes.items()},
        rows_per_request=rows / answered if rows and answered else None,
        queues=queues,
        ended=_ended(seen, changes),
    )


def _change(pod: PodHistory) -> _Change | None:
    if pod.earlier is None:
        return None
    before, after = pod.earlier.metrics, pod.latest.metrics
    if before == NONE_YET or _began_anew(pod.earlier, pod.latest):
        before = _zeros(after)
    return _Change(pod.latest.time - pod.earlier.time, before, after, pod.latest.time)


def _began_anew(earlier: PodSample, latest: PodSample) -> bool:
    """Whether the counters are another process's, or of a model that was loaded again."""
    names = ("success", "failure", "inferences", "executions", "answered", "request_us")
    for name in names:
        before, after = getattr(earlier.metrics, name), getattr(latest.metrics, name)
        if before is not None and after is not None and after < before:
            return True
    return False


def _zeros(metrics: ModelMetrics) -> ModelMetrics:
    """What was counted before the first request, of all that is told now."""
    within = None if metrics.within_ms is None else dict.fromkeys(metrics.within_ms, 0.0)
    sums = ("success", "pending", "inferences", "executions", "answered")
    zero = {name: 0.0 for name in sums if getattr(metrics, name) is not None}
    return ModelMetrics(failures={}, within_ms=within, **zero)


def _ended(seen: Seen, changes: Mapping[str, _Change]) -> Ended | None:
    """Errors are counted as arrivals are: by each pod's own rate, over the time between looks."""
    if seen.previous is None or not changes:
        return None
    interval = seen.taken - seen.previous
    answered, failed = _summed(changes.values(), "success"), _summed(changes.values(), "errors")
    return Ended(interval * (answered or 0.0), interval * max(0.0, failed or 0.0))


def _traffic(
    seen: Seen, changes: Mapping[str, _Change], objective_milliseconds: int
) -> tuple[Traffic | None, LatencySource, float | None]:
    if seen.previous is None or not changes:
        return None, LatencySource.MODEL, None
    interval = seen.taken - seen.previous
    arriving = sum(
        change.rate(name) or 0.0
        for change in changes.values()
        for name in ("success", "failure", "pending")
    )
    arrivals = max(0.0, arriving) * interval
    replicas = _served(changes.values())
    rates = _within_objective(changes.values(), objective_milliseconds)
    if rates is not None:
        answered, within = rates[0] * interval, rates[1] * interval
        traffic = Traffic(interval, arrivals, answered, within, replicas)
        return traffic, LatencySource.HISTOGRAM, None
    p99 = _worst_percentile(changes.values())
    source = LatencySource.MODEL if p99 is None else LatencySource.SUMMARY
    return Traffic(interval, arrivals, replicas=replicas), source, p99


def _served(changes: Iterable[_Change]) -> tuple[Served, ...]:
    """What each replica did, of those that told all of it."""
    return tuple(
        Served(change.seconds, answered, change.before.pending, change.after.pending, change.until)
        for change in changes
        if (answered := change.of("success")) is not None
        and change.before.pending is not None
        and change.after.pending is not None
    )


def _within_objective(
    changes: Iterable[_Change], objective_milliseconds: int
) -> tuple[float, float] | None:
    """Answers/s, and those in time; None unless every pod that answers has just the edge for it.

    Latencies are counted in whole milliseconds, rounded down: less than the objective is at most
    the millisecond before it. The histogram has errors too, most of them fast ones.
    """
    edge = float(objective_milliseconds - 1)
    answered = within = 0.0
    told = False
    for change in changes:
        before, after = change.before.within_ms or {}, change.after.within_ms or {}
        answers, failures = change.rate("answered"), change.rate("failure") or 0.0
        if answers is not None and edge in before and edge in after:
            answered += answers
            within += (after[edge] - before[edge]) / change.seconds - failures
            told = True
        elif change.rate("success") or failures:
            return None
    return (answered, min(max(0.0, within), answered)) if told else None


def _worst_percentile(changes: Iterable[_Change]) -> float | None:
    """Seconds; the largest percentile of any pod is at least that of all requests together."""
    worst = [
        change.after.p99_us / 1e6
        for change in changes
        if change.after.p99_us is not None
        and (change.rate("success") or 0.0) * SUMMARY_SECONDS >= SUMMARY_REQUESTS
    ]
    return max(worst, default=None)


def _summed(changes: Iterable[_Change], name: str) -> float | None:
    rates = [rate for change in changes if (rate := change.rate(name)) is not None]
    return sum(rates) if rates else None
