"""What the runs say: means over seeds and traces, best settings, and who is cheaper than whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import fmean

import numpy as np

from bench.autoscaling.simulation import Result
from bench.autoscaling.suite import Job

OBJECTIVE = 0.99
SAME_BACKLOG_SECONDS = 10.0
"""A backlog that comes back sooner had not gone."""
TOLD_APART = 0.0005
"""Attainments that differ by less are equal: seeds alone differ by that much."""

Key = tuple[str, float]
"""(policy, setting)."""


@dataclass(frozen=True)
class Outcome:
    """Means over seeds. `cost` is in replica-seconds of the clairvoyant, `worst_minute` a share."""

    attainment: float
    cost: float
    bad_minutes: float
    worst_minute: float
    actions: float
    churn: float
    reversals_per_hour: float
    clear_seconds: float
    """The longest time with over two full batches per ready replica waiting."""
    rejected: float
    """Share of all requests."""
    admitted_attainment: float


def longest_backlog(backlogs: Sequence[tuple[float, float]]) -> float:
    """Seconds from the start of the longest backlog until it was gone for ten."""
    longest, began, ended = 0.0, 0.0, float("-inf")
    for start, seconds in backlogs:
        if start - ended >= SAME_BACKLOG_SECONDS:
            began = start
        ended = start + seconds
        longest = max(longest, ended - began)
    return longest


def outcome(result: Result, clairvoyant_seconds: float) -> Outcome:
    """One run."""
    return Outcome(
        result.attainment,
        result.replica_seconds / clairvoyant_seconds,
        result.bad_minutes,
        result.worst_minute,
        float(result.actions),
        float(result.churn),
        result.reversals_per_hour,
        longest_backlog(result.backlogs),
        result.rejected / max(1, result.arrivals),
        result.admitted_attainment,
    )


def mean(outcomes: Iterable[Outcome]) -> Outcome:
    """Of several runs, each counting the same."""
    several = list(outcomes)
    return Outcome(
        *(fmean(getattr(one, column.name) for one in several) for column in fields(Outcome))
    )


def by_trace(
    results: Mapping[Job, Result], clairvoyant_seconds: Mapping[str, float]
) -> dict[Key, dict[str, Outcome]]:
    """Means over seeds, by policy and setting, by trace."""
    several: dict[Key, dict[str, list[Outcome]]] = {}
    for job, result in results.items():
        traces = several.setdefault((job.policy, job.setting), {})
        seen = outcome(result, clairvoyant_seconds[job.trace])
        traces.setdefault(job.trace, []).append(seen)
    return {
        key: {trace: mean(seen) for trace, seen in traces.items()}
        for key, traces in several.items()
    }


def best_setting(points: Mapping[float, Outcome], objective: float = OBJECTIVE) -> float:
    """The cheapest setting that reaches the objective; if none does, the one that misses least."""
    good = [setting for setting, point in points.items() if point.attainment >= objective]
    if good:
        return min(good, key=lambda setting: points[setting].cost)
    return max(points, key=lambda setting: (points[setting].attainment, -points[setting].cost))


def frontier(points: Iterable[Outcome]) -> list[tuple[float, float]]:
    """(attainment, cost) of those that nobody beats in both, by rising attainment."""
    kept: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda point: (-point.attainment, point.cost)):
        if not kept or point.cost < kept[-1][1]:
            kept.append((point.attainment, point.cost))
    return kept[::-1]


def cost_at(curve: Sequence[tuple[float, float]], attainment: float) -> float | None:
    """The cost of that attainment, between the points of a frontier.

    Below its cheapest point that point's cost; None above its best: it cannot be had.
    """
    attainments, costs = zip(*curve, strict=True)
    if attainment > attainments[-1] + TOLD_APART:
        return None
    return float(np.interp(attainment, attainments, costs))


def cheapest(
    everybody: Mapping[Key, Mapping[str, Outcome]], trace: str, attainment: float
) -> Key | None:
    """Who has that attainment on one trace for the least; None: nobody has it."""
    good = {
        key: traces[trace].cost
        for key, traces in everybody.items()
        if trace in traces and traces[trace].attainment >= attainment - TOLD_APART
    }
    return min(good, key=lambda key: good[key]) if good else None
