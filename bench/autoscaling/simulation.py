"""One run: a trace, replicas, and a policy that says how many there should be."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bench.autoscaling.decision_cost import DecisionCost
from bench.autoscaling.replicas import (
    ANSWERED,
    ARRIVED,
    ASIDE,
    CREATED,
    DONE,
    DRAINING,
    EXECUTED_SECONDS,
    EXECUTIONS,
    FAILED,
    FRONT_LENGTH,
    HELD,
    IN_TIME,
    MISSED,
    NOBODY,
    QUEUED,
    QUEUED_SECONDS,
    READY,
    READY_AT,
    REJECTED,
    REMOVED,
    SLOWNESS,
    STARTING,
    STATE,
    Fleet,
    new_fleet,
    run,
    seed,
)
from bench.autoscaling.setup import Setup
from bench.autoscaling.view import Starts, View

Floats = NDArray[np.float64]
AFTER_SECONDS = 120
"""What is not answered this long after the last second of the trace is a miss."""
ENDPOINT_SECONDS = 1.0
"""From the decision to put a replica aside, or to take it back, until the balancer knows."""


class Policy(Protocol):
    """Says how many replicas there should be, every `period` seconds."""

    period: float

    def target(self, view: View) -> int:
        """The number wanted from now on."""
        ...


Replica = tuple[int, float]
"""A place, and since when who has it is ready."""


@runtime_checkable
class PutsAside(Protocol):
    """A policy that also says which replicas get no new requests."""

    def aside(self, view: View) -> frozenset[Replica]:
        """Those that are to get none from now on; asked after `target`."""
        ...


@dataclass
class Result:
    """What came of a run. Rates are per second, times in seconds."""

    attainment: float
    replica_seconds: float
    bad_minutes: float
    worst_minute: float
    ups: int
    downs: int
    churn: int
    reversals_per_hour: float
    rejected: int
    arrivals: int
    admitted_attainment: float
    backlogs: list[tuple[float, float]] = field(default_factory=list)
    """(start, seconds) of each time that over two full batches per ready replica waited."""
    targets: list[tuple[float, int]] = field(default_factory=list)
    """(time, replicas) of the fleet at the start and of each change."""
    series: dict[str, list[float]] = field(default_factory=dict)
    """By second: ready and ordered replicas, and requests that wait."""
    decisions: DecisionCost = field(default_factory=DecisionCost)
    """Of ours; nothing of other policies."""

    @property
    def actions(self) -> int:
        """Changes of the number of replicas."""
        return self.ups + self.downs


class Run:
    """A trace against replicas under one policy."""

    def __init__(self, setup: Setup, arrivals: Floats, seconds: int, number: int) -> None:
        self._setup = setup
        self._arrivals = arrivals
        self._seconds = seconds
        self._randomness = np.random.default_rng(number)
        self._number = number
        # A slot is used once the one before it has gone: those that drain need some, too.
        self.fleet = new_fleet(setup.most * 2, seconds + AFTER_SECONDS, setup.instances)
        self._billed = 0.0
        self._targets: list[tuple[float, int]] = []

    def play(
        self,
        policy: Policy,
        *,
        series: bool = False,
        look: Callable[[Setup, Fleet, Starts], View] = View,
    ) -> Result:
        """Let the policy decide from the first second to the last; `look` is how it sees them."""
        setup, fleet = self._setup, self.fleet
        seed(self._number)
        curve = setup.curve()
        starts: Starts = {}
        view = look(setup, fleet, starts)
        first = float(np.searchsorted(self._arrivals, 60.0)) / 60
        begin = int(np.clip(np.ceil(first / setup.safe_rate) + 1, setup.least, setup.most))
        for slot in range(begin):
            self._create(slot, 0.0, ready=0.0)
        self._targets.append((0.0, begin))
        recorded: dict[str, list[float]] = {"ready": [], "ordered": [], "pending": []}
        backlogs: list[tuple[float, float]] = []
        waits_since: float | None = None
        place, now, due = 0, 0.0, policy.period
        crashes = list(setup.crash_at)
        asides: deque[tuple[float, frozenset[Replica]]] = deque()
        while now < self._seconds:
            now = min(float(int(now) + 1), due)
            place = run(fleet, curve, self._arrivals, place, now, setup.balancing)
            view.now = now
            if now == int(now):
                view.record()
                pending = int(fleet.of(QUEUED).sum() + fleet.front_at[FRONT_LENGTH])
                waits = pending > 2 * setup.largest * max(1, view.ready)
                if waits and waits_since is None:
                    waits_since = now
                elif not waits and waits_since is not None:
                    backlogs.append((waits_since, now - waits_since))
                    waits_since = None
                if series:
                    recorded["ready"].append(view.ready)
                    recorded["ordered"].append(view.ordered)
                    recorded["pending"].append(pending)
            if crashes and now >= crashes[0]:
                crashes.pop(0)
                self._crash(now)
            if now >= due:
                due += policy.period
                self._scale(int(np.clip(policy.target(view), setup.least, setup.most)), now, starts)
                if isinstance(policy, PutsAside):
                    asides.append((now + ENDPOINT_SECONDS, policy.aside(view)))
            while asides and now >= asides[0][0]:
                self._put_aside(asides.popleft()[1])
        end = float(self._seconds + AFTER_SECONDS)
        run(fleet, curve, self._arrivals, place, end, setup.balancing)
        if waits_since is not None:
            backlogs.append((waits_since, self._seconds - waits_since))
        return self._result(backlogs, recorded)

    def _create(self, slot: int, now: float, ready: float | None = None) -> float:
        fleet = self.fleet
        if fleet.numbers[slot, CREATED] < fleet.numbers[slot, REMOVED] < np.inf:
            self._bill(slot)
        lead = self._setup.cold_start.draw(self._randomness) if ready is None else 0.0
        # A new pod: its counters start from zero.
        fleet.counts[slot, [DONE, FAILED, EXECUTIONS, IN_TIME]] = 0
        fleet.numbers[slot, [QUEUED_SECONDS, EXECUTED_SECONDS]] = 0.0
        fleet.counts[slot, STATE] = STARTING
        fleet.numbers[slot, CREATED] = now
        fleet.numbers[slot, REMOVED] = np.inf
        fleet.numbers[slot, READY_AT] = now + lead if ready is None else ready
        fleet.numbers[slot, SLOWNESS] = self._setup.slow_replicas if slot % 4 == 3 else 1.0
        return lead

    def _bill(self, slot: int) -> None:
        end = min(float(self.fleet.numbers[slot, REMOVED]), float(self._seconds))
        self._billed += max(0.0, end - float(self.fleet.numbers[slot, CREATED]))

    def _scale(self, target: int, now: float, starts: Starts) -> None:
        fleet = self.fleet
        there = np.flatnonzero(np.isin(fleet.of(STATE), (READY, ASIDE, STARTING)))
        if target != self._targets[-1][1]:
            self._targets.append((now, target))
        for _ in range(target - len(there)):
            free = np.flatnonzero(fleet.of(STATE) == NOBODY)
            lead = self._create(int(free[0]), now)
            starts[int(free[0]), now] = now + lead, lead
        if target < len(there):
            newest = sorted(
                (slot for slot in there if fleet.counts[slot, STATE] == STARTING),
                key=lambda slot: -fleet.numbers[slot, CREATED],
            )
            idlest = sorted(
                (slot for slot in there if fleet.counts[slot, STATE] != STARTING),
                key=lambda slot: fleet.counts[slot, HELD],
            )
            for slot in (newest + idlest)[: len(there) - target]:
                if fleet.counts[slot, STATE] == STARTING:
                    starts.pop((int(slot), float(fleet.numbers[slot, CREATED])), None)
                if fleet.counts[slot, STATE] == STARTING or fleet.counts[slot, HELD] == 0:
                    fleet.counts[slot, STATE] = NOBODY
                    fleet.numbers[slot, REMOVED] = now
                else:
                    fleet.counts[slot, STATE] = DRAINING

    def _put_aside(self, chosen: frozenset[Replica]) -> None:
        counts, ready_at = self.fleet.counts, self.fleet.numbers[:, READY_AT]
        for slot in np.flatnonzero(np.isin(counts[:, STATE], (READY, ASIDE))):
            out = (int(slot), float(ready_at[slot])) in chosen
            counts[slot, STATE] = ASIDE if out else READY

    def _crash(self, now: float) -> None:
        """One ready replica loses what it holds and starts again at once."""
        fleet = self.fleet
        ready = np.flatnonzero(np.isin(fleet.of(STATE), (READY, ASIDE)))
        if len(ready):
            slot = int(ready[0])
            fleet.counts[slot, QUEUED] = 0
            fleet.busy_until[slot] = np.inf
            fleet.in_batch[slot] = 0
            fleet.counts[slot, HELD] = 0
            fleet.counts[slot, [DONE, FAILED, EXECUTIONS, IN_TIME]] = 0
            fleet.numbers[slot, [QUEUED_SECONDS, EXECUTED_SECONDS]] = 0.0
            fleet.counts[slot, STATE] = STARTING
            fleet.numbers[slot, READY_AT] = now + self._setup.cold_start.draw(self._randomness)

    def _result(
        self, backlogs: list[tuple[float, float]], recorded: dict[str, list[float]]
    ) -> Result:
        fleet, seconds = self.fleet, self._seconds
        for slot in range(len(fleet.of(STATE))):
            if (
                fleet.counts[slot, STATE] != NOBODY
                or fleet.numbers[slot, CREATED] < fleet.numbers[slot, REMOVED] < np.inf
            ):
                self._bill(slot)
        arrived = fleet.by_second(ARRIVED)[:seconds].astype(float)
        missed = (
            fleet.by_second(MISSED)[:seconds]
            + (fleet.by_second(ARRIVED) - fleet.by_second(ANSWERED))[:seconds]
        )
        minutes = -(-seconds // 60)
        starts = np.arange(minutes) * 60
        by_minute = np.add.reduceat(arrived, starts)
        missed_by_minute = np.add.reduceat(missed.astype(float), starts)
        share = missed_by_minute[by_minute > 0] / by_minute[by_minute > 0]
        levels = [level for _, level in self._targets]
        steps = np.diff(levels).astype(np.int64)
        total, rejected = arrived.sum(), int(fleet.by_second(REJECTED).sum())
        return Result(
            attainment=float(1 - missed.sum() / max(1.0, total)),
            replica_seconds=self._billed,
            bad_minutes=float((share > 0.01).mean()) if len(share) else 0.0,
            worst_minute=float(share.max()) if len(share) else 0.0,
            ups=int((steps > 0).sum()),
            downs=int((steps < 0).sum()),
            churn=int(np.abs(steps).sum()),
            reversals_per_hour=_reversals([int(step) for step in steps]) / (seconds / 3600),
            rejected=rejected,
            arrivals=int(total),
            admitted_attainment=float(1 - (missed.sum() - rejected) / max(1.0, total - rejected)),
            backlogs=backlogs,
            targets=self._targets,
            series=recorded,
        )


def _reversals(steps: Sequence[int]) -> int:
    signs = [1 if step > 0 else -1 for step in steps if step]
    return sum(before != after for before, after in itertools.pairwise(signs))
