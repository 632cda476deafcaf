"""Whether a cluster does worse with a change than before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.fleet.failing import Errors, failing

POINTS = 1.0
"""Percentage points by which a share of requests may fall: a few hundred requests waver by that."""
SLOWER = 1.1
"""Times what it was: a 99th percentile of some minutes wavers by that."""


@dataclass(frozen=True)
class Level:
    """How well a cluster serves. None: not told.

    `attainment`: percent of requests within the objective; `arrivals` in requests/s.
    """

    attainment: float | None = None
    p99_seconds: float | None = None
    arrivals: float | None = None
    errors: Errors | None = None


@dataclass(frozen=True)
class Expected:
    """What the service promises: `attainment` percent of requests within `seconds`."""

    attainment: float = 99.0
    seconds: float = 1.0


def worsening(
    now: Level, before: Level | None, expected: Expected, others: Sequence[Errors] = ()
) -> str:
    """In which way, with numbers; empty: in none.

    Worse is of whom more requests fail (`fleet.failing`; `others` are clusters without the change),
    and who breaks the objective now and kept it better before. Where nothing is known of before,
    the objective decides alone. Where no share of requests is told, the 99th percentile stands for
    it; where neither is, it cannot be broken.
    """
    failures = failing(
        now.errors, None if before is None else before.errors, others, expected.attainment / 100
    )
    return failures or _slowing(now, before, expected)


def _slowing(now: Level, before: Level | None, expected: Expected) -> str:
    if now.attainment is not None:
        was = None if before is None else before.attainment
        if now.attainment >= expected.attainment:
            return ""
        if was is not None and now.attainment >= was - POINTS:
            return ""
        told = "" if was is None else f", {was:g} % before"
        return (
            f"{now.attainment:g} % of requests are within {1000 * expected.seconds:.0f} ms{told}; "
            f"the objective is {expected.attainment:g} %"
        )
    if now.p99_seconds is None or now.p99_seconds <= expected.seconds:
        return ""
    slow = None if before is None else before.p99_seconds
    if slow is not None and now.p99_seconds <= slow * SLOWER:
        return ""
    told = "" if slow is None else f", {1000 * slow:.0f} ms before"
    return (
        f"the 99th percentile is {1000 * now.p99_seconds:.0f} ms{told}; the objective is "
        f"{1000 * expected.seconds:.0f} ms"
    )
