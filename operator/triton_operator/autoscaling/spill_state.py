"""What spilling over remembers from one look to the next: values only, and no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from triton_operator.autoscaling.pool_room import Limit


@dataclass(frozen=True)
class SpillState:
    """Times in seconds since the epoch.

    `arrangement` are the pools that should share the work. `better` are pools that would do it
    better, and have since `better_since`. `short_since`: since when the arrangement has no room for
    all that is wanted; None: it has. `alone` is the pool that alone gets requests, since
    `alone_since`; None: all do.
    """

    limits: tuple[Limit, ...] = ()
    arrangement: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    better_since: float = 0.0
    short_since: float | None = None
    alone: str | None = None
    alone_since: float = -math.inf


def dumped(state: SpillState) -> dict[str, Any]:
    """The state as JSON."""
    return {
        "limits": [[limit.pool, limit.replicas, limit.until] for limit in state.limits],
        "arrangement": list(state.arrangement),
        "alone": state.alone,
    }


def loaded(value: object, now: float) -> SpillState:
    """What `dumped` wrote, with every waiting time begun anew; nothing where it is something else.

    After a restart nobody knows what happened meanwhile, so nothing is removed in haste.
    """
    match value:
        case {
            "limits": list(rows),
            "arrangement": list(arrangement),
            "alone": (str() | None) as alone,
        }:
            limits = [
                Limit(pool, replicas, float(until))
                for row in rows
                for pool, replicas, until in (_limit(row),)
                if pool
            ]
            names = tuple(name for name in arrangement if isinstance(name, str))
            return SpillState(tuple(limits), names, alone=alone, alone_since=now)
    return SpillState(alone_since=now)


def _limit(row: object) -> tuple[str, int, float]:
    match row:
        case [str(pool), int(replicas), int() | float() as until] if math.isfinite(until):
            return pool, replicas, until
    return "", 0, 0.0
