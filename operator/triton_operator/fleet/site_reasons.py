"""Why a cluster's part is what it is: of its own demand first, then of others', then its bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from triton_operator.api.enums import ConnectionState, Failover
from triton_operator.fleet.bounds import Floor
from triton_operator.fleet.placement_reasons import Reason, Why, reason
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.routing import Route, gets_requests
from triton_operator.fleet.site import NOTHING, replicas_for
from triton_operator.fleet.spilling import Remainder, Spilling, is_replaced
from triton_operator.fleet.targets import Target


def site_reasons(
    target: Target,
    found: Spilling,
    routed: Mapping[str, Route],
    its: Floor,
    ceiling: int,
    rest: Remainder,
    settings: PlacementSettings,
) -> Iterator[Reason]:
    """In that order."""
    site = target.site
    spilled = sum(found.grants[site.name].values())
    yield from _own(target, found, spilled, settings)
    yield from target.reasons
    if site.is_drained and site.facts.moves and not site.is_known and ceiling > 0:
        yield reason(Why.DEMAND_UNKNOWN)
    granted = found.granted[site.name]
    if granted > NOTHING:
        yield reason(Why.TAKES, granted=granted)
        if not gets_requests(site):
            yield reason(Why.DATA_PLANE_DOWN)
    sent = routed[site.name].sent
    if site.facts.moves and sent < spilled - NOTHING:
        yield reason(Why.NOT_READY, sent=sent, granted=spilled)
    if site.facts.moves and its.replicas > its.wanted:
        most = max(row[1] for row in its.rows)
        yield reason(
            Why.FLOOR_KEPT,
            floor=its.replicas,
            wanted=its.wanted,
            most=most,
            window=settings.window_seconds,
        )
    wanted = max(its.wanted, min(site.facts.capacity, replicas_for(site.held, site.facts.speed)))
    if site.facts.moves and site.is_allowed and not site.is_drained and wanted > ceiling:
        yield reason(Why.FLEET_MAXIMUM, wanted=wanted, ceiling=ceiling)
    yield from _without_place(rest)


def _own(
    target: Target, found: Spilling, spilled: float, settings: PlacementSettings
) -> Iterator[Reason]:
    site = target.site
    if site.facts.state is ConnectionState.LOST:
        failover = settings.failover(site.facts.tier)
        if failover is Failover.FREEZE:
            yield reason(Why.FROZEN, spill=spilled)
        elif failover is Failover.RELEASE:
            yield reason(Why.RELEASED)
        else:
            yield reason(Why.REPLACED, spill=spilled)
        left = found.left(site.name)
        if is_replaced(site, settings) and left > NOTHING:
            yield reason(Why.SURGE_LIMITED, left=left, surge=settings.max_surge)
    elif found.wanted[site.name] <= NOTHING and site.held > 0:
        yield reason(Why.FITS, need=site.held, limit=target.limit)
    elif site.held > 0:
        if spilled > NOTHING:
            yield reason(Why.SPILLS, spill=spilled, need=site.held, limit=target.limit)
        if found.left(site.name) > NOTHING:
            yield reason(Why.NO_ROOM, left=found.left(site.name), limit=target.limit)


def _without_place(rest: Remainder) -> Iterator[Reason]:
    if rest.constrained > NOTHING:
        yield reason(Why.RESIDENCY_CONSTRAINED, unplaced=rest.constrained)
    if rest.unplaced - rest.constrained > NOTHING:
        yield reason(Why.CAPACITY_EXCEEDED, unplaced=rest.unplaced - rest.constrained)
