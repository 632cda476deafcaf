"""Medians and percentiles, and how sure a median is: from ranks alone, whatever the distribution.

Times have long tails: a mean and its standard error would tell of the tail, not of the model.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import comb

CONFIDENCE = 0.95
"""With which the interval of a median holds it; six values are the fewest that allow one."""


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of `values` (0 to 1) do not exceed (nearest rank).

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("a quantile of no values")
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle value, of an even number the mean of the two.

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("a median of no values")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Between which two values the true median is, with 95 % confidence; None: too few values.

    The number of values below the true median is binomial with p = 1/2, so that ranks r and
    n + 1 - r hold it with probability 1 - 2 P(B < r) (David and Nagaraja, Order Statistics, 7.1).
    """
    rank = _lower_rank(len(values))
    if rank is None:
        return None
    ordered = sorted(values)
    return ordered[rank - 1], ordered[-rank]


def is_narrow(values: Sequence[float], share: float) -> bool:
    """Whether that interval lies within `share` of the median, on both sides."""
    interval = median_interval(values)
    if interval is None:
        return False
    middle = median(values)
    return interval[0] >= middle * (1 - share) and interval[1] <= middle * (1 + share)


@lru_cache(maxsize=4096)
def _lower_rank(count: int) -> int | None:
    """The greatest r with 2 P(B < r) ≤ 1 - CONFIDENCE, B binomial(count, 1/2); None: not even 1."""
    allowed = (1 - CONFIDENCE) / 2 * 2**count
    below, rank = 0, 0
    while rank <= count // 2 and below + comb(count, rank) <= allowed:
        below += comb(count, rank)
        rank += 1
    return rank or None
