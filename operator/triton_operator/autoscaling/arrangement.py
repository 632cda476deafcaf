"""Which pools share the work, and how many replicas each then has.

A Service gives every pod the same rate, however fast it is. So `n` pods of several pools serve

    n * (safe rate of the slowest of them)

and a fast pod beside slow ones does no more than they do. One pool alone may need fewer replicas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

WASTED = 2.0
"""A pod that could do more than so many times what it gets is better used by somebody else."""
NEARLY = 1e-9
"""A rate that is met but for the rounding of floats is met."""


@dataclass(frozen=True)
class Room:
    """A pool as a choice sees it: what one replica does, in requests/s, how many it takes."""

    name: str
    rate: float
    most: float = math.inf
    price: float | None = None


@dataclass(frozen=True)
class Needs:
    """`rate` requests/s are to be served within the objective, by `least` to `most` replicas."""

    rate: float
    least: int
    most: int


@dataclass(frozen=True)
class Arrangement:
    """Replicas by pool (none at 0), in order of preference.

    `capacity` is what they serve together, in requests/s; `serves`: it is enough. `cost` is in
    replicas or, where every pool has its price, in money per hour. `idle` is what those that do
    less than half of what they could would do more, if they were alone, in requests/s.
    """

    replicas: Mapping[str, int] = field(default_factory=dict)
    capacity: float = 0.0
    serves: bool = False
    cost: float = 0.0
    idle: float = 0.0

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that share the work."""
        return tuple(self.replicas)


def arranged(rooms: Sequence[Room], needs: Needs, *, priced: bool) -> Arrangement:
    """These pools filled in their order, with as many as the slowest one's rate asks for."""
    if not rooms:
        return Arrangement()
    slowest = min(room.rate for room in rooms)
    wanted = max(needs.least, math.ceil(needs.rate / slowest - NEARLY))
    left = min(wanted, needs.most)
    replicas: dict[str, int] = {}
    for room in rooms:
        if taken := int(min(left, room.most)):
            replicas[room.name] = taken
            left -= taken
    used = [room for room in rooms if room.name in replicas]
    slowest = min((room.rate for room in used), default=slowest)
    count = sum(replicas.values())
    return Arrangement(
        replicas,
        capacity=count * slowest,
        serves=count >= wanted,
        cost=sum(replicas[room.name] * ((room.price or 0.0) if priced else 1.0) for room in used),
        idle=sum(
            replicas[room.name] * (room.rate - slowest)
            for room in used
            if room.rate > WASTED * slowest
        ),
    )


def best_arrangement(
    rooms: Sequence[Room],
    needs: Needs,
    reachable: Callable[[Sequence[str]], bool] = lambda pools: True,
) -> Arrangement:
    """The first pool while it takes all; else the cheapest that serves, or what serves the most.

    Of the pools that are at least as fast as one of them, using all is never worse than using some:
    so one arrangement for each speed is compared, and each pool alone; those only whose pools can
    be reached. Where there is none, it is nothing, and does not serve.
    """
    priced = is_priced(rooms)
    first = arranged(rooms[:1], needs, priced=priced)
    if (first.serves or not rooms or math.isinf(rooms[0].most)) and reachable(first.pools):
        # Where only the bound of replicas stops it, no dearer pool takes over.
        return first
    sets = [[room] for room in rooms]
    sets += [[room for room in rooms if room.rate >= rate] for rate in {one.rate for one in rooms}]
    made = [
        one
        for one in (arranged(some, needs, priced=priced) for some in sets)
        if reachable(one.pools)
    ]
    places = {room.name: place for place, room in enumerate(rooms)}

    def key(one: Arrangement) -> tuple[float, ...]:
        preference = [-one.replicas.get(room.name, 0) for room in rooms]
        return (one.cost, one.idle, *preference, *(places[name] for name in one.pools))

    serving = [one for one in made if one.serves]
    if serving:
        return min(serving, key=key)
    return min(made, key=lambda one: (-one.capacity, *key(one)), default=Arrangement())


def is_priced(rooms: Iterable[Room]) -> bool:
    """Whether costs can be compared in money."""
    return all(room.price is not None for room in rooms)
