"""What to measure next, from what is known and the time that is left. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2

from triton_operator.api.enums import MeasurementEnd
from triton_operator.model.measurement.order_statistics import is_narrow

FEWEST_READINGS = 7
"""One more than the fewest that have an interval at all."""
MOST_READINGS = 400
"""With so many, a median that is not narrow yet has two modes, and never will be."""
NARROW = 0.03
"""Half the width of the median's interval, as a share of the median."""
READING_SECONDS = 0.005
"""A reading of the statistics covers executions that take about this long together, so that asking
for them takes little of the time. Not more: what disturbs one execution counts for all of them."""
MOST_PER_READING = 64
LOAD_SHARE = 0.2
"""Of the budget, for the throughput under load that comes last."""
WARM_UP_SHARE = 0.05
"""Of the budget, at most, for executions that are not counted: the first ones allocate memory."""
WARM_UP_EXECUTIONS = 3


@dataclass(frozen=True)
class Timed:
    """One batch size and what an execution of it takes, in seconds."""

    batch_size: int
    seconds: float

    @property
    def rows_per_second(self) -> float:
        """How many rows one instance gets done."""
        return self.batch_size / self.seconds


@dataclass(frozen=True)
class Next:
    """A batch size to measure, in at most `seconds`."""

    batch_size: int
    seconds: float


@dataclass(frozen=True)
class Done:
    """No other size is worth it; `reason` says why, in words."""

    end: MeasurementEnd
    reason: str


def batch_sizes(largest: int) -> tuple[int, ...]:
    """1, 2, 4 … and `largest`, which need not be a power of two."""
    doubled = [1 << power for power in range(largest.bit_length()) if 1 << power <= largest]
    return (*doubled, *(() if largest in doubled else (largest,)))


def next_size(
    timed: Sequence[Timed], largest: int, seconds_left: float, bound_seconds: float | None = None
) -> Next | Done:
    """The next batch size, with its share of what is left of the budget.

    `timed` are those measured, in ascending order. `bound_seconds` is what an answer may take:
    nobody uses batches that take longer.
    """
    remaining = [size for size in batch_sizes(largest) if not timed or size > timed[-1].batch_size]
    if not remaining:
        return Done(MeasurementEnd.MAX_BATCH_SIZE, f"all sizes up to {largest} are measured")
    if timed:
        last = timed[-1]
        if bound_seconds is not None and last.seconds > bound_seconds:
            return Done(
                MeasurementEnd.OBJECTIVE,
                f"batches of {last.batch_size} take {last.seconds * 1000:.3g} ms, longer than the "
                f"{bound_seconds * 1000:.0f} ms of the objective",
            )
        if len(timed) > 2 and _only_slower(timed):
            told = "larger batches get fewer rows done, twice in a row"
            return Done(MeasurementEnd.SLOWER, told)
        # A batch takes at most as much longer as it is larger, or it would not be worth it.
        expected = last.seconds * remaining[0] / last.batch_size
        if expected * FEWEST_READINGS > seconds_left:
            told = f"the budget does not last for batches of {remaining[0]}"
            return Done(MeasurementEnd.BUDGET, told)
    return Next(remaining[0], max(0.0, seconds_left) / len(remaining))


def _only_slower(timed: Sequence[Timed]) -> bool:
    """Whether the last two sizes each get less done than the best of those before them.

    One is not enough: real curves have steps (1.635 ms for 8, 1.763 ms for 16).
    """
    best = max(one.rows_per_second for one in timed[:-2])
    return all(one.rows_per_second < best for one in timed[-2:])


def is_enough(readings: Sequence[float], used_seconds: float, share_seconds: float) -> bool:
    """Whether a size has been measured: its median is sure, or its share of the time is used."""
    if len(readings) < FEWEST_READINGS:
        # A slow model may overdraw its share by a few executions; a lone reading tells little.
        return used_seconds >= share_seconds and len(readings) >= 1
    return (
        used_seconds >= share_seconds
        or len(readings) >= MOST_READINGS
        or is_narrow(readings, NARROW)
    )


def executions_per_reading(seconds: float) -> int:
    """How many executions of `seconds` each one reading covers."""
    if seconds <= 0:
        return MOST_PER_READING
    return min(MOST_PER_READING, max(1, ceil(READING_SECONDS / seconds)))


def halving_rounds(candidates: int) -> int:
    """How many rounds leave one of so many, if each keeps the better half."""
    return max(1, ceil(log2(candidates))) if candidates > 1 else 1


def share_of_round(budget_seconds: float, candidates: int, left: int) -> float:
    """What each of the `left` candidates gets of a round, of all of which there were `candidates`.

    Successive halving: every round has the same time, so those that stay get ever more of it
    (Jamieson and Talwalkar, 2016).
    """
    return budget_seconds / halving_rounds(candidates) / max(1, left)


def better_half(rates: Mapping[str, float]) -> tuple[str, ...]:
    """The candidates with the highest rates, half of them rounded up, best first.

    Equal ones stay in the order in which they were given.
    """
    ranked = sorted(rates, key=lambda name: -rates[name])
    return tuple(ranked[: ceil(len(ranked) / 2)])
