"""Pools of an imagined cluster: places, starts, and pods that come and go as they are ordered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from triton_operator.autoscaling.pool_room import PoolState


@dataclass
class ImaginedPool:
    """`places` pods have a node; the others wait, refused by the scheduler. Times in seconds."""

    name: str
    rate: float
    places: int = 1000
    start_seconds: float = 30.0
    price: float | None = None
    measured: bool = True
    ready: int = 0
    starting: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)

    def state(self, now: float) -> PoolState:
        """As the operator sees it."""
        return PoolState(
            self.name,
            ready=self.ready,
            ordered=self.ready + len(self.starting) + len(self.waiting),
            unschedulable=len(self.waiting),
            waiting_seconds=max((now - made for made in self.waiting), default=0.0),
            refused=bool(self.waiting),
            safe_rate=self.rate if self.measured else None,
            start_seconds=self.start_seconds,
            price=self.price,
        )

    def scale(self, target: int, now: float) -> None:
        """As a Deployment does: who does not serve yet goes first."""
        ordered = self.ready + len(self.starting) + len(self.waiting)
        self.waiting += [now] * max(0, target - ordered)
        for _ in range(ordered - target):
            if self.waiting:
                self.waiting.pop()
            elif self.starting:
                self.starting.pop()
            else:
                self.ready -= 1

    def pass_time(self, now: float) -> None:
        """Pods find places and become ready; those on places that are gone are lost."""
        while self.ready + len(self.starting) > self.places:
            if self.starting:
                self.starting.pop()
            else:
                self.ready -= 1
            self.waiting.append(now)
        while self.waiting and self.ready + len(self.starting) < self.places:
            self.waiting.pop(0)
            self.starting.append(now)
        done = [made for made in self.starting if now - made >= self.start_seconds]
        self.starting = [made for made in self.starting if now - made < self.start_seconds]
        self.ready += len(done)
        self.measured = self.measured or self.ready > 0


def served(
    pools: list[ImaginedPool], alone: str | None, at_most: Mapping[str, int] | None = None
) -> float:
    """What the ready pods serve within the objective, in requests/s: the even split of a Service.

    `at_most`: if no pool had more than so many.
    """
    ready = {pool.rate: 0 for pool in pools if alone in (None, pool.name)}
    for pool in pools:
        if alone in (None, pool.name):
            ready[pool.rate] += min(pool.ready, (at_most or {}).get(pool.name, pool.ready))
    counted = {rate: count for rate, count in ready.items() if count}
    return sum(counted.values()) * min(counted, default=0.0)
