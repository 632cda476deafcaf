"""Who serves what of whose demand: each tier is filled before the next, and none from below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from triton_operator.api.enums import ConnectionState, Failover
from triton_operator.fleet.allowance import Allowance
from triton_operator.fleet.fair_shares import level
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.site import NOTHING, Site, replicas_for
from triton_operator.fleet.targets import Target, keeps_budget


@dataclass
class Spilling:
    """Loads in reference replicas, by the names of clusters.

    `wanted[origin]`: what should leave; `grants[origin][target]`: what is to be served there;
    `granted[target]`: of all origins. `replicas[target]`: for its own demand and for these.
    """

    wanted: dict[str, float] = field(default_factory=dict)
    grants: dict[str, dict[str, float]] = field(default_factory=dict)
    granted: dict[str, float] = field(default_factory=dict)
    replicas: dict[str, int] = field(default_factory=dict)

    def left(self, origin: str) -> float:
        """What found no place elsewhere."""
        return max(0.0, self.wanted[origin] - sum(self.grants[origin].values()))


@dataclass(frozen=True)
class Remainder:
    """Of a cluster's own demand, what others do not serve: it stays as far as there is capacity.

    `constrained` is the part of `unplaced` that must not leave its cluster or its zones.
    """

    kept: float
    unplaced: float
    constrained: float


def remainder(site: Site, found: Spilling, kept_in: float = 0.0) -> Remainder:
    """What found no place elsewhere stays, above the limit too, before it has no place at all.

    `kept_in` of it may leave the cluster and not the zones.
    """
    rest = max(0.0, site.held - sum(found.grants[site.name].values()))
    kept = min(rest, site.capacity)
    bound = max(0.0, site.held - site.mobile - site.capacity)
    return Remainder(kept, rest - kept, min(rest - kept, bound + kept_in))


def spilling(made: Sequence[Target], settings: PlacementSettings, allowance: Allowance) -> Spilling:
    """Origins in order, those of one place together: where there is no room for all that they want,
    each gets an equal part before one gets more, as anybody may claim to want all.

    What replaces lost ones comes last, and is bounded: what others lend is never taken away by a
    failover, and what fails over gets what is left.
    """
    found = Spilling(replicas={one.site.name: one.site.own for one in made})
    for one in made:
        name = one.site.name
        found.wanted[name], found.grants[name], found.granted[name] = _wanted(one), {}, 0.0
    for one in made:
        if one.site.facts.state is ConnectionState.LOST:
            failover = settings.failover(one.site.facts.tier)
            found.wanted[one.site.name] = (
                0.0 if failover is Failover.RELEASE else _as_before(one.site)
            )
    walk = Walk(made, settings, allowance, found)
    for _, together in groupby(made, key=lambda one: one.site.facts.place):
        group = list(together)
        asked = [found.wanted[one.site.name] for one in group]
        if max(asked) <= NOTHING:
            continue
        equal = level(asked, walk.room_beyond(group[0].site))
        for one, load in zip(group, asked, strict=True):
            walk.place(one.site, min(load, equal))
        if math.isfinite(equal):
            # Where one may go, another may not: what is left of an equal part is for the others.
            for one in group:
                walk.place(one.site, found.left(one.site.name))
    surge = settings.max_surge
    walk = Walk(made, settings, allowance, found)
    for one in made:
        if is_replaced(one.site, settings):
            name = one.site.name
            found.wanted[name] = one.site.mobile
            surge -= walk.place(one.site, found.left(name), surge)
    return found


def is_replaced(site: Site, settings: PlacementSettings) -> bool:
    """Whether its demand is to be served by others, as it is lost."""
    lost = site.facts.state is ConnectionState.LOST
    return lost and settings.failover(site.facts.tier) is Failover.REPLACE


def _wanted(target: Target) -> float:
    site = target.site
    if not site.facts.moves:
        return _as_before(site)
    return min(site.mobile, max(0.0, site.held - target.limit))


def _as_before(site: Site) -> float:
    return min(site.mobile, site.memory.last_spill)


class Walk:
    """Targets in the order in which they are asked; those that are full are not asked again, as
    room only ever shrinks."""

    def __init__(
        self,
        made: Sequence[Target],
        settings: PlacementSettings,
        allowance: Allowance,
        found: Spilling,
    ) -> None:
        self._settings, self._allowance, self._found = settings, allowance, found
        self._targets = sorted(
            (one for one in made if one.headroom > NOTHING), key=lambda one: one.key
        )
        self._full: set[str] = set()
        self._start = 0

    def room_beyond(self, first: Site) -> float:
        """What all clusters that are not before it in the order may take together, of whoever is in
        its place, if each of them may go everywhere. Nothing is granted."""
        found = Spilling(
            grants={first.name: {}},
            granted=dict(self._found.granted),
            replicas=dict(self._found.replicas),
        )
        trial = Walk(self._targets, self._settings, self._allowance.copy(), found)
        room = 0.0
        for one in trial._targets:
            if one.site.facts.place < first.facts.place:
                continue
            take = max(0.0, trial._room(one))
            trial._grant(first, one, take)
            room += take
        return room

    def place(self, origin: Site, load: float, surge: int | None = None) -> int:
        """Grant that load, with at most `surge` new replicas; how many these are."""
        added = 0
        for index in range(self._start, len(self._targets)):
            one = self._targets[index]
            if load <= NOTHING:
                break
            if one.site.name in self._full or not self._may(origin, one):
                continue
            take = min(load, self._room(one, None if surge is None else surge - added))
            if take > NOTHING:
                load -= take
                added += self._grant(origin, one, take)
            if self._room(one) <= NOTHING:
                self._full.add(one.site.name)
        while self._start < len(self._targets) and self._is_full(self._start):
            self._start += 1
        return added

    def _is_full(self, index: int) -> bool:
        return self._targets[index].site.name in self._full

    def _may(self, origin: Site, target: Target) -> bool:
        if target.site.name == origin.name or target.site.facts.place < origin.facts.place:
            return False
        return keeps_budget(origin, target, self._settings)

    def _room(self, target: Target, surge: int | None = None) -> float:
        site, found = target.site, self._found
        room = target.headroom - found.granted[site.name]
        if not site.facts.moves:
            return room
        more = self._allowance.room(site.facts.tier)
        more += max(0, site.least - found.replicas[site.name])
        more = more if surge is None else min(more, surge)
        load = site.held + found.granted[site.name]
        return min(room, (found.replicas[site.name] + more) * site.facts.speed - load)

    def _grant(self, origin: Site, target: Target, load: float) -> int:
        site, found = target.site, self._found
        grants = found.grants[origin.name]
        grants[site.name] = grants.get(site.name, 0.0) + load
        found.granted[site.name] += load
        if not site.facts.moves:
            return 0
        needed = replicas_for(site.held + found.granted[site.name], site.facts.speed)
        before = found.replicas[site.name]
        added = max(0, needed - before)
        self._allowance.take(site.facts.tier, max(0, before + added - max(before, site.least)))
        found.replicas[site.name] += added
        return added
