"""The arrivals of the past, from a Prometheus' range queries: what a restart forgot."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from triton_operator.autoscaling.prometheus_answers import Identity, PodLabels, Series, is_at
from triton_operator.autoscaling.promql import literal
from triton_operator.autoscaling.samples import PodTarget

BIN_SECONDS = 5
LONGEST_GAP_SECONDS = 60.0
"""Between two samples of a pod that are further apart, nothing is known."""
SUCCESS = "nv_inference_request_success"
FAILURE = "nv_inference_request_failure"
PENDING = "nv_inference_pending_request_count"
COUNTED = (SUCCESS, FAILURE, PENDING)
STAMP = ""
"""`timestamp()` drops the name: series without one tell when the samples were taken."""
SITE = ("cluster", "prometheus", "prometheus_replica", "replica", "tenant_id", "job", "endpoint")
"""Labels that tell whose view of which cluster a series is."""


@dataclass(frozen=True)
class Bin:
    """Arrivals in the seconds before `end`; None: not known."""

    end: float
    seconds: float
    arrivals: float | None


@dataclass(frozen=True)
class _Point:
    time: float
    success: float
    failure: float
    pending: float


def pods_of(owners: Iterable[str]) -> str:
    """A regular expression for the names of pods that these Deployments make."""
    return "|".join(f"{literal(owner)}-[a-z0-9]+-[a-z0-9]{{5}}" for owner in sorted(owners))


def arrivals(
    series: Iterable[Series],
    targets: Collection[PodTarget],
    owners: Collection[str],
    labels: PodLabels,
    ends: Sequence[float],
) -> tuple[Bin, ...]:
    """Arrivals in the bins that end at `ends`, one step of the range query apart.

    `series` are `COUNTED` and `timestamp()` of `SUCCESS` at these times. Pods that are gone count
    by their Deployments' names, if the same Prometheus of the same cluster has seen one of
    `targets`, the pods of now: or a namesake elsewhere would be our past. A pod's counters at its
    first sample are not counted: they may be of hours.

    What came between two samples is spread over the time between them, so that a Prometheus that
    scrapes more seldom than a bin is long shows no peaks that were not there.
    """
    came = [0.0] * len(ends)
    covered = [0.0] * len(ends)
    if ends:
        begin = ends[0] - BIN_SECONDS
        for points in _points(_ours(series, targets, owners, labels), labels):
            for earlier, latest in pairwise(points):
                _spread(earlier, latest, begin, came, covered)
    return tuple(
        Bin(end, BIN_SECONDS, max(0.0, number) if known >= BIN_SECONDS / 2 else None)
        for end, number, known in zip(ends, came, covered, strict=True)
    )


def _ours(
    series: Iterable[Series],
    targets: Collection[PodTarget],
    owners: Collection[str],
    labels: PodLabels,
) -> list[Series]:
    by_name = {target.pod: target for target in targets}
    namespaces = {target.namespace for target in targets}
    models = {target.model for target in targets}
    composing = {model for target in targets for model in target.composing} or models
    of_owners = re.compile(pods_of(owners)) if owners else None
    by_site: dict[tuple[str, ...], list[Series]] = defaultdict(list)
    alive: Counter[tuple[str, ...]] = Counter()
    for one in series:
        pod = one.labels.get(labels.pod, "")
        wanted = composing if one.family == PENDING else models
        if one.labels.get(labels.namespace) not in namespaces:
            continue
        if one.labels.get("model") not in wanted:
            continue
        site = tuple(one.labels.get(name, "") for name in SITE)
        if target := by_name.get(pod):
            if not is_at(one, target):
                continue
            alive[site] += 1
        elif of_owners is None or not of_owners.fullmatch(pod):
            continue
        by_site[site].append(one)
    if not alive:
        return []
    _, site = max((count, site) for site, count in alive.items())
    return by_site[site]


def _points(series: Iterable[Series], labels: PodLabels) -> list[list[_Point]]:
    """The samples of each pod, each once, in the order of time.

    A pod that is scraped twice over, or had another address, has several sets of series. All are
    looks at the same counters, so together they are one row of looks.
    """
    scrapes: dict[tuple[str, Identity], dict[str, dict[float, float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for one in series:
        sums = scrapes[one.labels[labels.pod], one.scraped_as][one.family]
        for at, value in one.values:
            # Of versions and devices, success has several stamps: all of one scrape.
            sums[at] = value if one.family == STAMP else sums.get(at, 0.0) + value
    pods: dict[str, dict[float, _Point]] = defaultdict(dict)
    for (pod, _), families in scrapes.items():
        pods[pod].update(_samples(families))
    return [[points[time] for time in sorted(points)] for points in pods.values()]


def _samples(families: dict[str, dict[float, float]]) -> dict[float, _Point]:
    points: dict[float, _Point] = {}
    for at, time in families.get(STAMP, {}).items():
        values = [families.get(name, {}).get(at, math.nan) for name in COUNTED]
        if all(math.isfinite(value) for value in (time, *values)):
            points[time] = _Point(time, *values)
    return points


def _spread(
    earlier: _Point, latest: _Point, begin: float, came: list[float], covered: list[float]
) -> None:
    """Add what came between two samples of a pod to the bins; the first one starts at `begin`."""
    seconds = latest.time - earlier.time
    if seconds > LONGEST_GAP_SECONDS:
        return
    if latest.success < earlier.success or latest.failure < earlier.failure:
        earlier = _Point(earlier.time, 0.0, 0.0, 0.0)
    answers = latest.success - earlier.success + latest.failure - earlier.failure
    rate = (answers + latest.pending - earlier.pending) / seconds
    first = max(0, math.floor((earlier.time - begin) / BIN_SECONDS))
    for place in range(first, len(came)):
        start = begin + place * BIN_SECONDS
        if start >= latest.time:
            break
        overlap = min(start + BIN_SECONDS, latest.time) - max(start, earlier.time)
        came[place] += rate * overlap
        covered[place] += overlap
