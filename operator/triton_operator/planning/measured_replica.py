"""How a replica should run on a pool, from what measurements of the model say.

Every number of instances that was measured is tried, each with the batch size that is best for it
(see `safe_batch`). What wins is what `spec.objective.prefer` asks for: the rate at which a replica
keeps the objective, which is also what a request costs in money and energy on one and the same
pool; with Latency the time of a request that is alone. What keeps the objective always wins over
what does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triton_operator.api.enums import Percentile, Precision, Preference
from triton_operator.api.model_profile import Measurement
from triton_operator.planning.measured_curve import MeasuredCurve
from triton_operator.planning.measurements import ReplicaShape, curve_of, fitting
from triton_operator.planning.objective import SHARES
from triton_operator.planning.safe_batch import (
    BatchFound,
    candidate_sizes,
    kept_seconds,
    safe_batch,
)

REPEATS_WITHIN = 0.05
"""Measurements of one thing differ by as much: for less, nothing else than one instance is run."""
LARGEST_BATCH = 4096


@dataclass(frozen=True)
class Question:
    """What is asked of a replica: its objective, and which batches it may take.

    `sizes` is the batch size where it is given, else a bound on it (None: the model has none), and
    `free` tells which. `room(instances, size)` tells whether the pool has the memory.
    """

    seconds: float
    percentile: Percentile
    prefer: Preference
    size: int | None
    free: bool
    room: Callable[[int, int], bool]


@dataclass(frozen=True)
class Measured:
    """What a measurement says of one way to run.

    `curve` is for batches of up to the size chosen, all devices of a replica together.
    """

    row: Measurement
    curve: MeasuredCurve
    found: BatchFound

    @property
    def instances(self) -> int:
        """Instances on each device."""
        return self.row.instances or 1

    @property
    def size(self) -> int:
        """The largest batch."""
        return self.found.best.size

    @property
    def safe_rate(self) -> float:
        """Requests/s at which one replica keeps the objective; 0 where it cannot."""
        return self.found.best.rate if self.found.feasible else 0.0

    @property
    def alone_seconds(self) -> float:
        """What a request takes that is alone."""
        return self.curve.seconds(1)


@dataclass(frozen=True)
class MeasuredChoice:
    """The way that is chosen, and the best of those with other numbers of instances."""

    best: Measured
    runner_up: Measured | None = None


def measured_choice(
    rows: Sequence[Measurement],
    engine: str,
    precision: Precision,
    shape: ReplicaShape,
    release: str | None,
    question: Question,
) -> MeasuredChoice | None:
    """The best way of those measured on such hardware; None: no measurement tells of one."""
    able = [
        one
        for row in fitting(rows, engine, precision, shape, release)
        if (one := _measured(row, shape, question))
    ]
    with_room = [one for one in able if question.room(one.instances, one.size)]
    able = with_room or able
    if not able:
        return None
    highest = max(able, key=lambda one: _worth(one, question.prefer))
    # The fewest instances of those that do as well: each has its own copy of the weights.
    best = min(
        (one for one in able if _as_good(one, highest, question.prefer)),
        key=lambda one: one.instances,
    )
    others = [one for one in able if one is not best]
    runner_up = max(others, key=lambda one: _worth(one, question.prefer), default=None)
    return MeasuredChoice(best, runner_up)


def other_ways(
    rows: Sequence[Measurement],
    engine: str,
    precision: Precision,
    shape: ReplicaShape,
    release: str | None,
    question: Question,
) -> MeasuredChoice | None:
    """The best of what was measured in another precision or engine, on the same hardware."""
    ways = {(row.engine, row.precision) for row in rows} - {(engine, precision)}
    found = [
        choice
        for other_engine, other_precision in sorted(ways)
        if (
            choice := measured_choice(rows, other_engine, other_precision, shape, release, question)
        )
    ]
    return max(found, key=lambda one: _worth(one.best, question.prefer), default=None)


def _measured(row: Measurement, shape: ReplicaShape, question: Question) -> Measured | None:
    curve = curve_of(row, shape)
    if curve.alone_seconds is None and curve.seconds(1) > question.seconds:
        # Whether a smaller batch is fast enough, nobody has seen.
        return None
    kept = kept_seconds(curve, question.seconds)
    if question.free:
        sizes = candidate_sizes(curve, question.size or LARGEST_BATCH, kept)
        instances = row.instances or 1
        with_room = tuple(size for size in sizes if question.room(instances, size))
        sizes = with_room or sizes[:1]
    else:
        sizes = (question.size or 1,)
    found = safe_batch(curve, sizes, kept, SHARES[question.percentile], kept == question.seconds)
    return Measured(row, curve.up_to(found.best.size), found)


def _worth(one: Measured, prefer: Preference) -> tuple[bool, float]:
    if prefer is Preference.LATENCY:
        return one.found.feasible, -one.alone_seconds
    return one.found.feasible, one.found.best.rate


def _as_good(one: Measured, best: Measured, prefer: Preference) -> bool:
    if one.found.feasible != best.found.feasible:
        return False
    if prefer is Preference.LATENCY:
        return one.alone_seconds <= (1 + REPEATS_WITHIN) * best.alone_seconds
    return one.found.best.rate >= (1 - REPEATS_WITHIN) * best.found.best.rate
