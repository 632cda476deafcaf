"""What spilling over remembers from one look to the next: values only, and no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
