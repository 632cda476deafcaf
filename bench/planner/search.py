"""The highest rate that keeps an objective, on a grid of rates. Pure: who asks runs the load."""

from __future__ import annotations

import math
from collections.abc import Callable

STEP = 1.06
"""From one rate of the grid to the next: rates are known to such a part."""
LOWEST, HIGHEST = -24, 180
"""0.25 and 36,000 requests/s."""


def rate_of(place: int) -> float:
    """Requests/s of a place on the grid."""
    return STEP**place


def place_of(rate: float) -> int:
    """The place of the highest rate of the grid that is no higher."""
    if rate <= rate_of(LOWEST):
        return LOWEST
    return min(HIGHEST, math.floor(math.log(rate) / math.log(STEP) + 1e-9))


def highest_place(keeps: Callable[[int], bool], guess: int) -> int | None:
    """The highest place at which the objective is kept, as `keeps` says; None: at none.

    Steps grow until a place that keeps it and one that does not are found, then halves.
    Taken to be so: who keeps it at a rate keeps it at lower ones.
    """
    guess = min(HIGHEST, max(LOWEST, guess))
    low, high = LOWEST - 1, HIGHEST + 1
    step = 1
    if keeps(guess):
        low = guess
        while low + step < high:
            if not keeps(low + step):
                high = low + step
                break
            low += step
            step *= 2
    else:
        high = guess
        while high - step > low:
            if keeps(high - step):
                low = high - step
                break
            high -= step
            step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if keeps(middle) else (low, middle)
    return low if low >= LOWEST else None
