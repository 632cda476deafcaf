"""Where the replicas and requests of one service should be, over all clusters: pure.

Every cluster scales itself. What is decided here are the bounds that it does so in, and which part
of its requests it sends elsewhere. `docs/fleet.md` has the formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.fleet.allowance import Allowance
from triton_operator.fleet.bounds import Floor, ceilings, floor
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.own_demand import FOLLOWING_SECONDS, own_demand
from triton_operator.fleet.placement_memory import PlacementMemory, SiteMemory, with_earlier
from triton_operator.fleet.placement_reasons import Reason
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.residency import kept_in
from triton_operator.fleet.routing import Route, routes
from triton_operator.fleet.site import Site, sites
from triton_operator.fleet.site_reasons import site_reasons
from triton_operator.fleet.spilling import Spilling, remainder, spilling
from triton_operator.fleet.targets import targets


@dataclass(frozen=True)
class SitePlacement:
    """One cluster's part. Loads are in reference replicas; none of its demand is dropped silently:
    `demand` is `kept` and all that is `granted` by others and `unplaced` together.

    - `floor` and `ceiling` bound its autoscaler. A ceiling of 0: nothing runs there.
    - `weights`: percent of the requests that may leave, by cluster; empty: nothing is served.
    - `constrained`: the part of `unplaced` that must not leave its cluster or its zones.
    """

    floor: int
    ceiling: int
    weights: dict[str, int]
    demand: float
    kept: float
    granted: dict[str, float]
    unplaced: float
    constrained: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Placed:
    """Every cluster's part, by name in the order of filling.

    `left_out`: those that could have a part if maxima over clusters left one replica for each.
    `excess`: replicas above a maximum that may run all the same, as nobody can take them away.
    """

    sites: dict[str, SitePlacement]
    left_out: tuple[str, ...] = ()
    excess: int = 0

    @property
    def unplaced(self) -> float:
        """Demand without a place, in reference replicas."""
        return sum(one.unplaced for one in self.sites.values())


def place(
    facts: Sequence[ClusterFacts],
    settings: PlacementSettings,
    memory: PlacementMemory,
    now: float,
) -> tuple[PlacementMemory, Placed]:
    """The next memory, and every cluster's part. The order of `facts` means nothing.

    `facts` has every cluster that may serve, heard of or not: one that is left out is forgotten.

    Raises:
        ValueError: two clusters have one name.
    """
    if len({one.name for one in facts}) != len(facts):
        raise ValueError("two clusters have one name")
    allowance = Allowance(settings)
    told_apart = own_demand(facts, settings, memory, now)
    every = sites(told_apart, settings, memory, now, allowance)
    excess = allowance.overdrawn
    asked = targets(every, settings)
    found = spilling(asked, settings, allowance)
    kept = kept_in(asked, found, settings, allowance)
    routed = routes(asked, found, settings)
    floors = {site.name: floor(site, found.granted[site.name], settings, now) for site in every}
    tops = ceilings(every, floors, found, routed, settings, allowance)
    placed = {}
    for target in asked:
        name = target.site.name
        rest = remainder(target.site, found, kept[name])
        placed[name] = SitePlacement(
            floor=min(floors[name].replicas, tops[name]),
            ceiling=tops[name],
            weights=routed[name].weights,
            demand=target.site.held,
            kept=rest.kept,
            granted=found.grants[name],
            unplaced=rest.unplaced,
            constrained=rest.constrained,
            reasons=tuple(
                site_reasons(target, found, routed, floors[name], tops[name], rest, settings)
            ),
        )
    remembered = {
        site.name: _remembered(
            site, found, floors[site.name], routed[site.name], placed[site.name], now
        )
        for site in every
    }
    return PlacementMemory(now, remembered), Placed(placed, _left_out(every, settings), excess)


def _left_out(every: Sequence[Site], settings: PlacementSettings) -> tuple[str, ...]:
    return tuple(
        site.name
        for site in every
        if site.facts.moves
        and settings.bounds(site.facts.tier)
        and max(site.least, site.ceiling) == 0
        and site.may_begin
    )


def _remembered(
    site: Site, found: Spilling, its: Floor, route: Route, placed: SitePlacement, now: float
) -> SiteMemory:
    before = site.memory
    return SiteMemory(
        held=site.held if site.is_known else None,
        last_spill=(
            sum(found.grants[site.name].values(), 0.0) if site.facts.moves else before.last_spill
        ),
        granted=found.granted[site.name],
        floor=placed.floor,
        ceiling=placed.ceiling,
        most_written=max(placed.ceiling, site.facts.ceiling or 0),
        wanted=its.rows,
        weights=route.weights,
        loads=route.loads,
        earlier=with_earlier(before, route.weights, now, FOLLOWING_SECONDS),
    )
