"""A cluster as a placement sees it: what it told, what is remembered, and what follows at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.api.enums import TaintEffect
from triton_operator.fleet.allowance import Allowance
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement_memory import PlacementMemory, SiteMemory, smoothed
from triton_operator.fleet.placement_settings import PlacementSettings

NOTHING = 1e-9
"""Of a replica: rounding errors are no demand."""


@dataclass(frozen=True)
class Site:
    """Loads are in reference replicas, `own` and `ceiling` in replicas of the cluster.

    `held`: its own clients' smoothed demand, 0 where none is known; `mobile` of it may leave.
    `capacity`: what it can serve. `own`: replicas set aside for its own demand. `ceiling`:
    `maxReplicas` that may be in force there.
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

    @property
    def name(self) -> str:
        """The cluster's."""
        return self.facts.name

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

    What may be in force where nothing can be changed is taken from the allowance first, then what
    each cluster needs for its own demand: the last ones in order are those that get less.
    """
    elapsed = 0.0 if memory.decided_at is None else now - memory.decided_at
    ordered = sorted(facts, key=lambda one: (one.place, one.name))
    for one in ordered:
        if not one.moves:
            allowance.reserve(one.tier, _in_force(one, memory.site(one.name)))
    return [_site(one, settings, memory.site(one.name), elapsed, allowance) for one in ordered]


def _site(
    facts: ClusterFacts,
    settings: PlacementSettings,
    memory: SiteMemory,
    elapsed: float,
    allowance: Allowance,
) -> Site:
    need = facts.need if facts.moves else None
    rises = need is not None and memory.held is not None and need > memory.held
    seconds = settings.rising_seconds if rises else settings.smoothing_seconds
    known = smoothed(memory.held, need, elapsed, seconds)
    held = 0.0 if known is None else known
    share = facts.local_only_share
    share = settings.local_only_share if share is None else share
    allowed = not settings.zones or not set(settings.zones).isdisjoint(facts.zones)
    capacity = facts.capacity * facts.speed if allowed else 0.0
    ceiling = _in_force(facts, memory)
    own = min(facts.capacity, replicas_for(held, facts.speed)) if allowed else 0
    if facts.moves:
        taken = allowance.take(facts.tier, own)
        capacity = capacity if taken == own else taken * facts.speed
        own = taken
    return Site(
        facts=facts,
        memory=memory,
        held=held,
        is_known=known is not None,
        mobile=held * (1.0 - share),
        is_allowed=allowed,
        is_drained=TaintEffect.NO_SELECT in facts.taints,
        capacity=capacity,
        own=own,
        ceiling=ceiling,
    )


def _in_force(facts: ClusterFacts, memory: SiteMemory) -> int:
    """What was written may not have arrived, and what it said may be old."""
    return max(memory.ceiling, facts.ceiling or 0)
