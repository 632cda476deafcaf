"""How many replicas a pool takes: known only once some found no node there, and not for ever."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from triton_operator.autoscaling.lead_memory import PRIOR_SECONDS

STARTS_OF_PATIENCE = 2.0
"""A replica without a node for longer than so many starts finds none: nobody is adding one."""
REFUSED_SECONDS = 30.0
"""Where the scheduler itself says that no node fits, so long: a node may be about to be free."""
STARTS_REMEMBERED = 4.0
REMEMBERED_SECONDS = 600.0
"""After this, a pool that was full is tried again: nothing tells that a node has become free."""


@dataclass(frozen=True)
class PoolState:
    """One pool as it is seen now.

    `ready` replicas of those `ordered` can serve; `unschedulable` of them have no node, the oldest
    for `waiting_seconds`; `refused`: the scheduler has said of one that no node fits. `safe_rate`
    is what one replica does within the objective, in requests/s; None: not known yet.
    `start_seconds` is a cold start there, `price` per replica and hour, in the currency of all.
    """

    name: str
    ready: int = 0
    ordered: int = 0
    unschedulable: int = 0
    waiting_seconds: float = 0.0
    refused: bool = False
    safe_rate: float | None = None
    start_seconds: float = PRIOR_SECONDS
    price: float | None = None

    @property
    def placed(self) -> int:
        """Replicas that have a node."""
        return max(self.ready, self.ordered - self.unschedulable)

    @property
    def is_full(self) -> bool:
        """Whether replicas have waited for a node for too long."""
        patience = STARTS_OF_PATIENCE * self.start_seconds
        if self.refused:
            patience = min(patience, REFUSED_SECONDS)
        return self.unschedulable > 0 and self.waiting_seconds > patience


@dataclass(frozen=True)
class Limit:
    """A pool took so many replicas while others waited; believed until a time."""

    pool: str
    replicas: int
    until: float


def known_limits(
    before: Iterable[Limit], pools: Sequence[PoolState], now: float
) -> tuple[Limit, ...]:
    """The limits as they are known now.

    A pool that takes more than its limit has none any more, until replicas wait again.
    """
    remembered = {limit.pool: limit for limit in before}
    slowest = max((pool.start_seconds for pool in pools), default=0.0)
    # Others have to be able to start before the next try.
    remembered_seconds = max(REMEMBERED_SECONDS, STARTS_REMEMBERED * slowest)
    limits = []
    for pool in pools:
        if pool.is_full:
            limits.append(Limit(pool.name, pool.placed, now + remembered_seconds))
        elif (
            (limit := remembered.get(pool.name))
            and pool.placed <= limit.replicas
            and now < limit.until
        ):
            limits.append(limit)
    return tuple(limits)


def room(limits: Iterable[Limit], pool: str) -> float:
    """The most replicas that the pool takes, as far as is known; infinite where it is not."""
    return next((limit.replicas for limit in limits if limit.pool == pool), math.inf)
