"""A cluster as a placement sees it: what it told, what is remembered, and what follows at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from triton_operator.api.enums import TaintEffect, Tier
from triton_operator.fleet.allowance import Allowance
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement_memory import PlacementMemory, SiteMemory, smoothed
from triton_operator.fleet.placement_settings import PlacementSettings

NOTHING = 1e-9
"""Of a replica: rounding errors are no demand."""


@dataclass(frozen=True)
class Site:
    """Loads are in reference replicas, `least`, `own` and `ceiling` in replicas of the cluster.

    `held`: its own clients' smoothed demand, 0 where none is known; `mobile` of it may leave.
    `capacity`: what it can serve. `least`: set aside of a maximum over clusters, whether there is
    demand or not; `own`: for its own demand. `ceiling`: `maxReplicas` that may be in force there.
    """

    facts: ClusterFacts
    memory: SiteMemory
    held: float
    is_known: bool
    mobile: float
    is_allowed: bool
    is_drained: bool
    capacity: float
    own: int
    ceiling: int
    least: int = 0

    @property
    def name(self) -> str:
        """The cluster's."""
        return self.facts.name

    @property
    def may_begin(self) -> bool:
        """Whether it could have a part of the service that it has not yet."""
        return self.is_allowed and not self.is_drained and self.facts.capacity > 0

    @property
    def is_trimmed(self) -> bool:
        """Whether maxima leave less than its own demand asks for, and could be served."""
        return self.own < min(self.facts.capacity, replicas_for(self.held, self.facts.speed))


def replicas_for(load: float, speed: float) -> int:
    """Whole replicas of that speed."""
    return math.ceil(load / speed - NOTHING)


def sites(
    facts: Sequence[ClusterFacts],
    settings: PlacementSettings,
    memory: PlacementMemory,
    now: float,
    allowance: Allowance,
) -> list[Site]:
    """All clusters in the order of filling.

    Of a maximum over clusters, what may be in force where nothing can be changed is taken first.
    Then each cluster gets one replica, as no work can have fewer: who has a part keeps one even
    where there is no room for it. Then each gets the least that the service asks for, and then what
    it needs for its own demand: the last ones in order are those that get less, and among those of
    one place in the order and one tier those that need most, as anybody may claim to need all.
    """
    elapsed = 0.0 if memory.decided_at is None else now - memory.decided_at
    ordered = sorted(facts, key=lambda one: (one.place, one.name))
    made = [_site(one, settings, memory.site(one.name), elapsed) for one in ordered]
    for site in made:
        if not site.facts.moves:
            allowance.reserve(site.facts.tier, site.ceiling)
    leasts = _leasts(made, settings, allowance)
    own = _own_replicas(made, leasts, allowance)
    return [_within(site, leasts[site.name], own) for site in made]


def _site(
    facts: ClusterFacts, settings: PlacementSettings, memory: SiteMemory, elapsed: float
) -> Site:
    """As if there were no maximum over clusters."""
    need = facts.need if facts.moves else None
    rises = need is not None and memory.held is not None and need > memory.held
    seconds = settings.rising_seconds if rises else settings.smoothing_seconds
    known = smoothed(memory.held, need, elapsed, seconds)
    held = 0.0 if known is None else known
    share = facts.local_only_share
    share = settings.local_only_share if share is None else share
    allowed = not settings.zones or not set(settings.zones).isdisjoint(facts.zones)
    return Site(
        facts=facts,
        memory=memory,
        held=held,
        is_known=known is not None,
        mobile=held * (1.0 - share),
        is_allowed=allowed,
        is_drained=TaintEffect.NO_SELECT in facts.taints,
        capacity=facts.capacity * facts.speed if allowed else 0.0,
        own=min(facts.capacity, replicas_for(held, facts.speed)) if allowed else 0,
        # What was written may not have arrived, and what it said may be old.
        ceiling=max(memory.ceiling, facts.ceiling or 0),
    )


def _leasts(
    made: Sequence[Site], settings: PlacementSettings, allowance: Allowance
) -> dict[str, int]:
    found = dict.fromkeys((site.name for site in made), 0)
    bounded = [
        site
        for site in made
        if site.facts.moves and site.is_allowed and settings.bounds(site.facts.tier)
    ]
    for site in bounded:
        if site.ceiling > 0:
            allowance.reserve(site.facts.tier, 1)
            found[site.name] = 1
    for site in bounded:
        if site.ceiling == 0 and site.may_begin:
            found[site.name] = allowance.take(site.facts.tier, 1)
    for site in bounded:
        if found[site.name] and not site.is_drained:
            more = max(0, min(settings.least, site.facts.capacity) - 1)
            found[site.name] += allowance.take(site.facts.tier, more)
    return found


def _own_replicas(
    made: Sequence[Site], leasts: Mapping[str, int], allowance: Allowance
) -> dict[str, int]:
    """What maxima over clusters leave each that may be changed, for its own demand, its least in
    it."""
    found: dict[str, int] = {}
    groups: dict[tuple[int, Tier], list[Site]] = {}
    for site in made:
        if site.facts.moves:
            groups.setdefault((site.facts.place, site.facts.tier), []).append(site)
    for (_, tier), group in groups.items():
        asked = [max(0, site.own - leasts[site.name]) for site in group]
        for site, given in zip(group, allowance.share(tier, asked), strict=True):
            found[site.name] = leasts[site.name] + given
    return found


def _within(site: Site, least: int, own: Mapping[str, int]) -> Site:
    """The site with what maxima over clusters leave it."""
    if not site.facts.moves:
        return site
    most = own[site.name]
    if site.own <= most:
        return replace(site, least=least)
    return replace(site, least=least, own=most, capacity=most * site.facts.speed)
