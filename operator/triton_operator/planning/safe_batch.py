"""The largest batch with which a replica keeps the objective at the highest rate.

For every size that may be chosen the queue model tells the safe rate (see `queue_model.safe_rate`),
and the highest one wins. That is not the largest batch for which twice its time is within the
objective: with S(b) = 20 + 10 b ms and a p99 of 150 ms, that rule says 5 (45.7 requests/s), and 7
does 47.4.

Larger bounds cost memory and gain little once the objective and not the bound ends a batch, so of
sizes that do nearly the same the smallest is taken.

What the server takes at most (see `throughput`) has no say in the size. Several may do more than
that, but the smaller of them answer later at that very rate: with S(b) = 24 + 6 b ms at 57/s, a p99
of 134 ms in batches of up to 4, and of 110 ms in those of up to 8 or 16. A server also has less to
do for each request of a large batch, by a half from 1 to 16 (decision 0093), so that small ones
would lower the bound that they were chosen by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from triton_operator.planning.measured_curve import MeasuredCurve
from triton_operator.planning.queue_model import STEADY_SHARE, safe_rate

SAME = 0.01
"""Of the rate: the queue model is no more exact than that."""
LONGEST_BATCH = 0.9
"""Of the objective. Measured times are medians, and the queue model takes every batch to take as
long: one that takes all of the objective would be late every other time."""
MOST_SIZES = 12
"""The queue model takes up to a second for each, and a profile may have 32 in each of its rows."""


@dataclass(frozen=True)
class SafeBatch:
    """A batch size and the safe rate with it, in requests/s of one replica."""

    size: int
    rate: float


@dataclass(frozen=True)
class BatchFound:
    """The best size, and the best of the others; None: there is no other that keeps the objective.

    `feasible` is False where no size keeps the objective at any rate: the rates are then those at
    which `seconds` are kept, the least for which there is a choice.
    """

    best: SafeBatch
    runner_up: SafeBatch | None
    seconds: float
    feasible: bool = True


def kept_seconds(curve: MeasuredCurve, seconds: float) -> float:
    """`seconds`, or twice what a lone request takes where that is too slow already.

    Batches are then chosen as if so much were allowed: what serves late should at least not choke.
    """
    alone = curve.seconds(1)
    return seconds if alone <= seconds else 2 * alone


@lru_cache(maxsize=4096)
def safe_batch(
    curve: MeasuredCurve,
    sizes: tuple[int, ...],
    seconds: float,
    percentile: float,
    feasible: bool = True,
) -> BatchFound:
    """The best of these sizes; remembered, as it takes some 0.1 s.

    `seconds` is what `kept_seconds` says for the objective, `feasible` whether that is the same.
    """
    rated: list[SafeBatch] = []
    for size in _most_promising_first(curve, sizes, seconds):
        here = curve.up_to(size)
        second = sorted((one.rate for one in rated), reverse=True)[1:2]
        if second and rate_bound(curve, (size,)) < (1 - SAME) * second[0]:
            # It cannot do as much, however long requests may take.
            continue
        rated.append(SafeBatch(size, safe_rate(here, seconds, percentile)))
    highest = max(one.rate for one in rated)
    best = min((one for one in rated if one.rate >= (1 - SAME) * highest), key=lambda one: one.size)
    others = [one for one in rated if one != best and one.rate > 0]
    runner_up = max(others, key=lambda one: one.rate, default=None)
    return BatchFound(best, runner_up, seconds, feasible)


def candidate_sizes(curve: MeasuredCurve, most: int, seconds: float) -> tuple[int, ...]:
    """The sizes worth asking for, smallest first: those measured, and where a limit cuts between.

    Nothing beyond what was measured, and nothing that is late by itself: whoever rides in a batch
    that takes longer than the objective is late, however little he waited. Of more than
    `MOST_SIZES` some in even steps: the rate hardly changes from one of so many to the next.
    """
    most = max(1, min(most, curve.points[-1][0]))
    if curve.seconds(most) > LONGEST_BATCH * seconds:
        most = _largest_within(curve, most, LONGEST_BATCH * seconds)
    measured = (size for size, _ in curve.points if size < most)
    return thinned((*measured, most), curve, seconds, MOST_SIZES)


def rate_bound(curve: MeasuredCurve, sizes: Iterable[int]) -> float:
    """Requests/s of one replica that none of these sizes exceeds, however long requests take."""
    return STEADY_SHARE * max(curve.up_to(size).capacity for size in sizes)


def thinned(
    sizes: tuple[int, ...], curve: MeasuredCurve, seconds: float, most: int
) -> tuple[int, ...]:
    """At most so many (four or more) of ascending sizes: the ends, those about where two batches in
    a row take `seconds`, as the best one is seldom far from there, and others in even steps."""
    if len(sizes) <= most:
        return sizes
    last = len(sizes) - 1
    # As many as take no longer, so the index of the first that does.
    over = sum(2 * curve.seconds(size) <= seconds for size in sizes)
    kept = {0, last, *(index for index in (over - 1, over) if 0 <= index <= last)}
    rest = [index for index in range(len(sizes)) if index not in kept]
    wanted = most - len(kept)
    kept |= {rest[(2 * step + 1) * len(rest) // (2 * wanted)] for step in range(wanted)}
    return tuple(sizes[index] for index in sorted(kept))


def _largest_within(curve: MeasuredCurve, most: int, seconds: float) -> int:
    """The largest size up to `most` that takes no longer than `seconds`; at least 1."""
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if curve.seconds(middle) <= seconds else (low, middle)
    return low


def _most_promising_first(curve: MeasuredCurve, sizes: Iterable[int], seconds: float) -> list[int]:
    """Near the largest of which two follow each other in time; so that the rest is soon ruled out.

    The rule of thumb for a percentile: one batch is running, and the next one is one's own.
    """
    return sorted(sizes, key=lambda size: (2 * curve.seconds(size) > seconds, -size))
