"""Floors and ceilings: the least and the most replicas that a cluster's own autoscaler may choose.

A floor goes up at once, so that replicas are ready before requests come, and down to the most that
was wanted within a window: demand that wavers does not move replicas about. It is told only where
others' demand is, and covers the cluster's own too, whose replicas cannot serve both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from triton_operator.api.enums import ConnectionState
from triton_operator.fleet.allowance import Allowance
from triton_operator.fleet.placement_memory import Wanted, most_wanted, with_wanted
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.routing import Route
from triton_operator.fleet.site import NOTHING, Site, replicas_for
from triton_operator.fleet.spilling import Spilling
from triton_operator.fleet.targets import may_take


@dataclass(frozen=True)
class Floor:
    """`replicas` to publish; `wanted` now, without the window."""

    replicas: int
    wanted: int
    rows: Wanted


def floor(site: Site, granted: float, settings: PlacementSettings, now: float) -> Floor:
    """The floor of one cluster. Where nothing can be changed it stays; a lost cluster reads 0 when
    it is back."""
    memory = site.memory
    if site.facts.state is ConnectionState.LOST or not may_take(site):
        return Floor(0, 0, ())
    if not site.facts.moves:
        return Floor(memory.floor, memory.floor, memory.wanted)
    wanted = up = 0
    if granted > NOTHING:
        load = site.held + granted
        wanted = replicas_for(load, site.facts.speed)
        if granted / site.facts.speed > settings.deadband:
            up = replicas_for(load / site.facts.speed - settings.deadband, 1.0)
    rows = with_wanted(memory.wanted, now, wanted, settings.window_seconds)
    replicas = up if up > memory.floor else min(memory.floor, most_wanted(rows))
    return Floor(min(replicas, site.facts.capacity), wanted, rows)


def ceilings(
    sites: Sequence[Site],
    floors: Mapping[str, Floor],
    found: Spilling,
    routed: Mapping[str, Route],
    settings: PlacementSettings,
    allowance: Allowance,
) -> dict[str, int]:
    """`maxReplicas` for each: the least that it should have, what it needs, its floor, what it had,
    then all that it can run.

    Each step goes to the sites in the order of filling, as far as maxima allow, so the last ones
    are trimmed. Whoever has a ceiling keeps it before another one's is raised for the sake of it.
    """
    moving = [site for site in sites if site.facts.moves]
    wanted = {site.name: max(site.least, found.replicas[site.name]) for site in moving}
    aims: tuple[Callable[[Site], int], ...] = (
        lambda site: floors[site.name].replicas,
        lambda site: site.memory.ceiling,
        lambda site: site.facts.capacity,
    )
    for aim in aims:
        for site in moving:
            if may_take(site):
                more = max(0, min(aim(site), site.facts.capacity) - wanted[site.name])
                wanted[site.name] += allowance.take(site.facts.tier, more)
    for site in moving:
        if not site.is_allowed:
            wanted[site.name] = 0
        elif site.is_drained and not site.is_known and site.facts.ready > 0:
            # It serves something, and nobody knows how much: others got nothing ready for that. So
            # it keeps what it had, as far as maxima leave it.
            more = max(0, site.memory.ceiling - wanted[site.name])
            wanted[site.name] += allowance.take(site.facts.tier, more)
        elif site.is_drained:
            staying = max(0.0, site.held - _sent_before(site, routed[site.name]))
            wanted[site.name] = min(wanted[site.name], replicas_for(staying, site.facts.speed))
    return _published(sites, wanted, settings)


def _sent_before(site: Site, route: Route) -> float:
    """What goes to others by the weights of before, and goes on to: those of now are not published
    yet, and a work that is deleted takes them with it.

    Weights are parts of the demand, so what they stand for has grown with it.
    """
    before = site.memory
    growth = site.held / before.held if before.held else 1.0
    return sum(
        min(load, before.loads.get(name, 0.0) * growth) for name, load in route.loads.items()
    )


def _published(
    sites: Sequence[Site], wanted: Mapping[str, int], settings: PlacementSettings
) -> dict[str, int]:
    """Lowered at once, raised only by what is nowhere in force any more, and to leasts first.

    A cluster that has not read its lower ceiling yet may still use the higher one.
    """
    free = Allowance(settings)
    for site in sites:
        free.reserve(site.facts.tier, site.ceiling)
    found = {site.name: site.memory.ceiling for site in sites}
    moving = [site for site in sites if site.facts.moves]
    for site in moving:
        found[site.name] = min(wanted[site.name], site.ceiling)
    aims: tuple[Callable[[Site], int], ...] = (
        lambda site: min(site.least, wanted[site.name]),
        lambda site: wanted[site.name],
    )
    for aim in aims:
        for site in moving:
            more = max(0, aim(site) - max(found[site.name], site.ceiling))
            found[site.name] += free.take(site.facts.tier, more)
    return found
