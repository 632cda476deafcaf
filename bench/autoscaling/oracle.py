"""What a clairvoyant would have done: the denominator of every cost.

A constant fleet of each size is run over the whole trace. An interval needs n replicas where every
fleet of n or more keeps its misses under 1 % there. The j-th replica is used where j or more are
needed, and kept over a gap that is no longer than a cold start, since starting it again would cost
as much. Not a proven lower bound: who misses more than 1 % of some intervals can be cheaper.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.autoscaling.replicas import (
    ANSWERED,
    ARRIVED,
    MISSED,
    READY,
    STATE,
    new_fleet,
    run,
    seed,
)
from bench.autoscaling.setup import ColdStart, Setup
from bench.autoscaling.simulation import Policy, Run
from bench.autoscaling.traces import Trace
from bench.autoscaling.view import View

INTERVAL_SECONDS = 10
ALLOWED_MISSES = 0.01
LEAD_SECONDS = 35.0


@dataclass
class Plan(Policy):
    """The number of replicas wanted ready in each interval, ordered one cold start ahead."""

    ready: NDArray[np.int64]
    lead_seconds: float
    period: float = 1.0

    def _at(self, now: float) -> int:
        place = min(int(now // INTERVAL_SECONDS), len(self.ready) - 1)
        return int(self.ready[place])

    def target(self, view: View) -> int:
        """What is needed when something ordered now is ready, and until then."""
        ahead = np.arange(0.0, self.lead_seconds + 6.0, 5.0)
        return max(self._at(view.now + seconds) for seconds in ahead)


@dataclass(frozen=True)
class Sweep:
    """Constant fleets over a whole trace."""

    need: NDArray[np.int64]
    """Replicas needed in each interval of ten seconds."""
    attainments: dict[int, float]
    """By the size of the fleet."""

    def static_peak(self, objective: float) -> int:
        """The smallest constant fleet that keeps the objective over the whole trace."""
        good = [n for n, attainment in self.attainments.items() if attainment >= objective]
        return min(good, default=max(self.attainments))


def sweep(setup: Setup, trace: Trace, number: int = 0) -> Sweep:
    """Fleets of all sizes, the largest first, until one is too small for every interval."""
    arrivals = trace.arrivals(number)
    intervals = -(-trace.seconds // INTERVAL_SECONDS)
    starts = np.arange(intervals) * INTERVAL_SECONDS
    peak = float(np.convolve(trace.rates, np.ones(10) / 10, "same").max())
    most = min(setup.most, int(np.ceil(1.35 * peak / setup.safe_rate)) + 2)
    need = np.full(intervals, most, np.int64)
    attainments = {}
    for n in range(most, 0, -1):
        fleet = new_fleet(n, trace.seconds + 600, setup.instances)
        fleet.counts[:, STATE] = READY
        seed(number)
        run(fleet, setup.curve(), arrivals, 0, trace.seconds + 600.0, setup.balancing)
        missed = (fleet.by_second(MISSED) + fleet.by_second(ARRIVED) - fleet.by_second(ANSWERED))[
            : trace.seconds
        ].astype(float)
        attainments[n] = 1 - missed.sum() / max(1, len(arrivals))
        came = np.add.reduceat(fleet.by_second(ARRIVED)[: trace.seconds].astype(float), starts)
        share = np.add.reduceat(missed, starts) / np.maximum(came, 1.0)
        good = (share <= ALLOWED_MISSES) & ((need == n + 1) | (n == most))
        if not good.any():
            break
        need[good] = n
    return Sweep(need, attainments)


def plan(need: NDArray[np.int64], lead_seconds: float = LEAD_SECONDS) -> NDArray[np.int64]:
    """The needs with gaps filled where keeping a replica is cheaper than starting it again."""
    filled = np.zeros_like(need)
    most_gap = int(lead_seconds // INTERVAL_SECONDS)
    for level in range(1, int(need.max()) + 1):
        used = need >= level
        places = np.flatnonzero(used)
        for before, after in itertools.pairwise(places):
            if 1 < after - before <= most_gap + 1:
                used[before:after] = True
        filled += used
    return filled


@dataclass(frozen=True)
class Clairvoyant:
    """What the trace costs someone who knows it."""

    attainment: float
    replica_seconds: float
    plan: tuple[int, ...]
    """Replicas wanted ready in each interval of ten seconds."""
    static_peaks: tuple[tuple[float, int], ...]
    """(attainment, smallest constant fleet that has it)."""


def clairvoyant(setup: Setup, trace: Trace, objectives: tuple[float, ...] = ()) -> Clairvoyant:
    """The plan, played through: 35 s for every start, no rejection, no fault, whatever the setup.

    So it is the same denominator for every variant of a setup with the same service curve.
    """
    calm = without_variants(setup)
    swept = sweep(calm, trace)
    levels = plan(swept.need)
    result = Run(calm, trace.arrivals(0), trace.seconds, 0).play(Plan(levels, LEAD_SECONDS))
    peaks = tuple((objective, swept.static_peak(objective)) for objective in objectives)
    return Clairvoyant(
        result.attainment, result.replica_seconds, tuple(int(n) for n in levels), peaks
    )


def without_variants(setup: Setup) -> Setup:
    """What of a setup the clairvoyant's cost depends on."""
    return replace(
        setup,
        cold_start=ColdStart(LEAD_SECONDS, 0.0),
        rejects=False,
        crash_at=(),
        least=1,
        slow_replicas=1.0,
        believed_base=1.0,
    )
