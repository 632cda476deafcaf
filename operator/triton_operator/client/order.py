"""Whom to ask first, and whom then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triton_operator.client.endpoints import Endpoint


@dataclass(frozen=True)
class Choice:
    """One to ask. Not `admitted`: it did not answer lately, and comes after all others."""

    endpoint: Endpoint
    admitted: bool


def in_order(
    endpoints: Sequence[Endpoint],
    admits: Callable[[Endpoint], bool],
    *,
    local_only: bool,
    chance: float,
) -> list[Choice]:
    """Everybody who may be asked.

    The first is drawn by weight; `chance` in [0, 1) says which. The others, or all if no weight is
    given, follow by priority, and within one priority as in the list. Of a request that must stay
    only local endpoints are left before anything else is looked at, and weights do not count: they
    are shares of what may leave.
    """
    allowed = [one for one in endpoints if one.local] if local_only else list(endpoints)
    allowed.sort(key=lambda one: one.priority)
    open_ones = {one.key for one in allowed if not admits(one)}
    admitted = [one for one in allowed if one.key not in open_ones]
    first = None if local_only else _drawn(admitted, chance)
    if first is not None:
        admitted.remove(first)
        admitted.insert(0, first)
    shut = [one for one in allowed if one.key in open_ones]
    return [Choice(one, True) for one in admitted] + [Choice(one, False) for one in shut]


def _drawn(endpoints: Sequence[Endpoint], chance: float) -> Endpoint | None:
    left = chance * sum(one.weight_percent for one in endpoints)
    for one in endpoints:
        if left < one.weight_percent:
            return one
        left -= one.weight_percent
    return None
