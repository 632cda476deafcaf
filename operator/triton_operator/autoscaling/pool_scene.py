"""What a step of spilling over looks at: pools, what they take, and what is wanted of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triton_operator.autoscaling.arrangement import NEARLY, Needs, Room
from triton_operator.autoscaling.pool_room import PoolState, room
from triton_operator.autoscaling.spill_state import SpillState


@dataclass(frozen=True)
class Wanted:
    """What `decide` asked for: replicas that each serve `safe_rate` requests/s; None: not known."""

    replicas: int
    safe_rate: float | None = None


@dataclass(frozen=True)
class Bounds:
    """Of the replicas in all pools together."""

    least: int
    most: int


@dataclass(frozen=True)
class Scene:
    """`pools` and `rooms` in order of preference, `rates` in requests/s of one replica.

    `unmeasured` pools, whose speed is not known, are taken to be as slow as the slowest known.
    """

    pools: Sequence[PoolState]
    rooms: Sequence[Room]
    needs: Needs
    rates: Mapping[str, float]
    unmeasured: frozenset[str]

    @staticmethod
    def of(state: SpillState, pools: Sequence[PoolState], wanted: Wanted, bounds: Bounds) -> Scene:
        """What is known, in requests/s where `wanted` is, else in replicas' worth."""
        known = [pool.safe_rate for pool in pools if pool.safe_rate and wanted.safe_rate]
        # Where nothing is known, replicas are counted: each pool's are as good as any.
        unmeasured = frozenset(pool.name for pool in pools if known and not pool.safe_rate)
        slowest = min(known, default=1.0)
        rates = {pool.name: (known and pool.safe_rate) or slowest for pool in pools}
        rooms = [
            Room(
                pool.name,
                rates[pool.name],
                # One more is enough to measure it, and does little harm if it is slow.
                min(
                    room(state.limits, pool.name),
                    max(1, pool.placed) if pool.name in unmeasured else math.inf,
                ),
                pool.price,
            )
            for pool in pools
        ]
        rate = wanted.safe_rate if known and wanted.safe_rate else 1.0
        needs = Needs(wanted.replicas * rate, bounds.least, bounds.most)
        return Scene(pools, rooms, needs, rates, unmeasured)

    def slowest(self, pools: Sequence[PoolState]) -> float:
        """The rate that bounds each pod of these pools."""
        return min((self.rates[pool.name] for pool in pools), default=0.0)

    def taking_part(self, alone: str | None, also: Sequence[str] = ()) -> list[PoolState]:
        """The pools whose pods get requests, or will when they are ready."""
        return [
            pool
            for pool in self.pools
            if pool.name == alone or (alone is None and (pool.placed or pool.name in also))
        ]

    def capacity(self, pools: Sequence[PoolState]) -> float:
        """What the ready pods of these pools serve, in requests/s, if all of them get requests."""
        return sum(pool.ready for pool in pools) * self.slowest(pools)

    def options(self, goal: Sequence[str]) -> dict[str | None, float]:
        """What would be served now, in requests/s, with one pool alone or all getting requests.

        `goal` pools count with their speed before they have pods: a slow one has to be kept out
        before its first pod is ready.
        """
        everybody = (None, *(pool.name for pool in self.pools))
        return {one: self.capacity(self.taking_part(one, goal)) for one in everybody}

    def enough(self, alone: str | None) -> float:
        """What has to be served on the way: what is served now, or what is wanted, if less."""
        return min(self.needs.rate, self.served(alone)) * (1 - NEARLY)

    def served(self, alone: str | None) -> float:
        """What is served now, in requests/s: who is not ready yet holds nobody back."""
        return self.capacity([pool for pool in self.taking_part(alone) if pool.ready])
