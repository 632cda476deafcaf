"""The reference replica: what loads of all clusters are counted in.

Members tell the rates that it follows from, and one of them may tell anything. So it is the median,
and whoever is too far from it counts as the nearest that can be.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median_low

from triton_operator.fleet.facts import LEAST_SPEED, MOST_SPEED

MOST_APART = 2.0
"""Rates differ from one report to the next, and demand is remembered in the reference: it moves
only where it does not fit any more."""


def reference_rate(rates: Iterable[float], before: float | None) -> float | None:
    """Requests/s of the reference replica, from those of each cluster that knows its own.

    It stays as it was `before` until the median is another by more than `MOST_APART`; None: nobody
    knows.
    """
    known = list(rates)
    if not known:
        return before
    median = median_low(known)
    if before is not None and 1 / MOST_APART <= median / before <= MOST_APART:
        return before
    return median


def speed_of(rate: float | None, reference: float | None) -> float:
    """Reference replicas that one replica of that rate is worth; 1 where either is not known."""
    if not rate or not reference:
        return 1.0
    return min(MOST_SPEED, max(LEAST_SPEED, rate / reference))


def oddity(rate: float | None, reference: float | None) -> str:
    """How a rate is too far from the reference, in one sentence; empty: it is not."""
    if not rate or not reference or LEAST_SPEED <= rate / reference <= MOST_SPEED:
        return ""
    return (
        f"safeRatePerReplica is {rate:g}, and {reference:g} in the median of the fleet: a replica "
        f"counts as {speed_of(rate, reference):g} others"
    )
