"""How a replica should run on a pool, from what measurements of the model say.

Every number of instances that was measured is tried, each with the batch size that is best for it
(see `safe_batch`). What wins is what `spec.objective.prefer` asks for: the rate at which a replica
keeps the objective, which is also what a request costs in money and energy on one and the same
pool; with Latency the time of a request that is alone. What keeps the objective always wins over
what does not, and where nothing keeps it that time counts, as the rate then promises nothing.

Anybody may write a profile, and one has up to 256 rows, while the queue model takes up to a second
for a batch size. So the rows are first compared by what bounds their rates, which takes no time,
and only the few that may win are rated.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from triton_operator.api.enums import Percentile, Precision, Preference
from triton_operator.api.model_profile import Measurement
from triton_operator.planning.measured_curve import MeasuredCurve
from triton_operator.planning.measurements import Candidates, ReplicaShape, curve_of
from triton_operator.planning.objective import SHARES
from triton_operator.planning.safe_batch import (
    BatchFound,
    candidate_sizes,
    kept_seconds,
    rate_bound,
    safe_batch,
    thinned,
)
from triton_operator.planning.throughput import Throughput, throughput_of

REPEATS_WITHIN = 0.05
"""Measurements of one thing differ by as much: for less, nothing else than one instance is run."""
LOADED = 0.9
"""Of the throughput where requests always wait. Batches of a small model take less time than what a
server does for each request, so that the queue model alone would promise many times too much (see
`throughput`)."""
LARGEST_BATCH = 4096
MOST_TRIED = 8
"""Numbers of instances."""
MOST_OTHERS_TRIED = 3
"""Of all other ways to run, whatever engine, precision and instances: they are only told."""
SIZES_OF_EACH = 4
"""At least; fewer ways have more each, up to as many as are worth asking for."""


@dataclass(frozen=True)
class Question:
    """What is asked of a replica: its objective, and which batches it may take.

    `sizes` is the batch size where it is given, else a bound on it (None: the model has none), and
    `free` tells which. `room(row, size)` tells whether the pool has the memory for as many
    instances as the row has, with batches of that size.
    """

    seconds: float
    percentile: Percentile
    prefer: Preference
    size: int | None
    free: bool
    room: Callable[[Measurement, int], bool]


@dataclass(frozen=True)
class Measured:
    """What a measurement says of one way to run.

    `curve` is for batches of up to the size chosen, all devices of a replica together.
    """

    row: Measurement
    curve: MeasuredCurve
    found: BatchFound
    throughput: Throughput

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
        return self.rate if self.found.feasible else 0.0

    @property
    def rate(self) -> float:
        """Requests/s with the best size, whether or not they keep the objective."""
        return min(self.found.best.rate, self.most_rate)

    @property
    def most_rate(self) -> float:
        """What is promised at most, whatever batches take."""
        return LOADED * self.throughput.rate

    @property
    def alone_seconds(self) -> float:
        """What a request takes that is alone."""
        return self.curve.seconds(1)

    @property
    def keeps(self) -> bool:
        """Whether there is a rate at which it keeps the objective."""
        return self.safe_rate > 0

    def counts_by_time(self, prefer: Preference) -> bool:
        """Whether it is compared by the time of a request that is alone, and not by its rate."""
        return prefer is Preference.LATENCY or not self.keeps


@dataclass(frozen=True)
class MeasuredChoice:
    """The way that is chosen, and the best of those with other numbers of instances."""

    best: Measured
    runner_up: Measured | None = None


def measured_choice(candidates: Candidates, question: Question) -> MeasuredChoice | None:
    """The best way of those measured on such hardware; None: no measurement tells of one for
    which the pool has room."""
    able = _rated(_ways(candidates, question), question, MOST_TRIED)
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


def best_other(
    candidates: Candidates,
    question: Question,
    told: Collection[Precision] = (),
    engines: Collection[str] = (),
) -> Measured | None:
    """The best of what was measured in another precision or engine, on the same hardware.

    `told` are precisions of which something else is said, of this engine and of `engines`; of these
    it is in the precision at hand too.
    """
    others = [
        one
        for one in candidates.other_ways()
        if one.engine not in {candidates.engine, *engines}
        or one.precision not in {candidates.precision, *told}
    ]
    ways = [way for other in others for way in _ways(other, question)]
    found = _rated(ways, question, MOST_OTHERS_TRIED)
    return max(found, key=lambda one: _worth(one, question.prefer), default=None)


@dataclass(frozen=True)
class _Way:
    """One way to run, before the queue model has said how much it does: `sizes` of batches for
    which there is room, and the seconds that are kept with them (see `kept_seconds`)."""

    row: Measurement
    curve: MeasuredCurve
    sizes: tuple[int, ...]
    kept: float
    feasible: bool
    throughput: Throughput

    def bound(self, prefer: Preference) -> tuple[bool, float]:
        """What `_worth` does not exceed."""
        if prefer is Preference.LATENCY or not self.feasible:
            return self.feasible, -self.curve.seconds(1)
        most = rate_bound(self.curve, self.sizes)
        return self.feasible, min(most, LOADED * self.throughput.rate)


def _ways(candidates: Candidates, question: Question) -> list[_Way]:
    """All that the pool has room for, those with fewer instances first."""
    ways = (_way(row, candidates.shape, question) for row in candidates.fitting())
    return [way for way in ways if way]


def _way(row: Measurement, shape: ReplicaShape, question: Question) -> _Way | None:
    curve = curve_of(row, shape)
    if curve.alone_seconds is None and curve.seconds(1) > question.seconds:
        # Whether a smaller batch is fast enough, nobody has seen.
        return None
    kept = kept_seconds(curve, question.seconds)
    if question.free:
        sizes = candidate_sizes(curve, question.size or LARGEST_BATCH, kept)
    else:
        sizes = (question.size or 1,)
    with_room = tuple(size for size in sizes if question.room(row, size))
    if not with_room:
        return None
    return _Way(row, curve, with_room, kept, kept == question.seconds, throughput_of(row, shape))


def _rated(ways: Sequence[_Way], question: Question, most: int) -> list[Measured]:
    """What those do that may be the best or the second: of `most`, some `SIZES_OF_EACH` sizes."""
    prefer = question.prefer
    rated: list[Measured] = []
    # Stable: of those with one bound, the fewest instances first.
    tried = sorted(ways, key=lambda way: way.bound(prefer), reverse=True)[:most]
    for way in tried:
        feasible, bound = way.bound(prefer)
        as_good_as = bound + abs(bound) * REPEATS_WITHIN / (1 - REPEATS_WITHIN)
        second = sorted((_worth(one, prefer) for one in rated), reverse=True)[1:2]
        if second and (feasible, as_good_as) < second[0]:
            # It cannot win, and none that follows can.
            break
        each = SIZES_OF_EACH * most // len(tried)
        sizes = thinned(way.sizes, way.curve, way.kept, each)
        found = safe_batch(way.curve, sizes, way.kept, SHARES[question.percentile], way.feasible)
        curve = way.curve.up_to(found.best.size)
        rated.append(Measured(way.row, curve, found, way.throughput))
    return rated


def _worth(one: Measured, prefer: Preference) -> tuple[bool, float]:
    return one.keeps, -one.alone_seconds if one.counts_by_time(prefer) else one.rate


def _as_good(one: Measured, best: Measured, prefer: Preference) -> bool:
    if one.keeps != best.keeps:
        return False
    if best.counts_by_time(prefer):
        return one.alone_seconds <= (1 + REPEATS_WITHIN) * best.alone_seconds
    return one.rate >= (1 - REPEATS_WITHIN) * best.rate
