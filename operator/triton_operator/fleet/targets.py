"""Which clusters may take others' demand, how much, and in which order they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.api.enums import ConnectionState, TaintEffect
from triton_operator.fleet.latency import expected_seconds, kept_share, planned_seconds
from triton_operator.fleet.placement_reasons import Reason, Why, reason
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.site import NOTHING, Site


@dataclass(frozen=True)
class Target:
    """A site with what it keeps of its own demand at most, and what it may take of others'.

    `limit`, `headroom` are in reference replicas. `seconds`: latency at the planned load; None:
    not known. Less is better in `score`, among sites of one place in the order.
    """

    site: Site
    limit: float
    headroom: float
    seconds: float | None
    score: float = 0.0
    reasons: tuple[Reason, ...] = ()

    @property
    def key(self) -> tuple[int, bool, float, str]:
        """By which they are asked."""
        avoided = TaintEffect.PREFER_NO_SELECT in self.site.facts.taints
        return (self.site.facts.place, avoided, self.score, self.site.name)


def pair_seconds(origin: Site, target: Target) -> float | None:
    """Latency of the origin's requests there, with the way; None: not known."""
    way = origin.facts.rtt_to(target.site.facts)
    return None if way is None or target.seconds is None else way + target.seconds


def keeps_budget(origin: Site, target: Target, settings: PlacementSettings) -> bool:
    """Whether it is known that the origin's requests are answered there in time."""
    if settings.budget_seconds is None:
        return True
    seconds = pair_seconds(origin, target)
    return seconds is not None and seconds <= settings.budget_seconds


def may_take(site: Site) -> bool:
    """Whether others' demand may be there at all: never where data must not be processed."""
    return site.is_allowed and not site.is_drained


def targets(sites: Sequence[Site], settings: PlacementSettings) -> list[Target]:
    """Every site, in the given order, with limit, headroom and score."""
    planned = [planned_seconds(site.facts, settings) for site in sites]
    fastest = _fastest(sites, planned, settings)
    expected = expected_seconds([site.facts for site in sites], planned)
    made = []
    for site, its in zip(sites, expected, strict=True):
        limit, inverted = _limit(site, fastest, settings)
        headroom, closed = headroom_of(site, limit, its, settings)
        reasons = tuple(one for one in (inverted, closed) if one is not None)
        made.append(Target(site, limit, headroom, its, reasons=reasons))
    return _scored(made, settings)


def _limit(
    site: Site, fastest: Sequence[tuple[Site, float]], settings: PlacementSettings
) -> tuple[float, Reason | None]:
    """What stays of its own demand: less where its queue is slower than another cluster's."""
    if not may_take(site):
        return 0.0, None
    limit = site.capacity * settings.spill_at
    ways = [
        (way + its, other)
        for other, its in fastest
        if other is not site
        and other.facts.place >= site.facts.place
        and (way := site.facts.rtt_to(other.facts)) is not None
    ]
    if not ways or site.held <= 0:
        return limit, None
    there, other = min(ways, key=lambda pair: (pair[0], pair[1].name))
    share = kept_share(site.facts, there, settings)
    if share is None:
        return limit, None
    limit = site.capacity * share
    words = {"other": other.name}
    return limit, reason(Why.INVERTED, words, limit=limit, capacity=site.capacity, seconds=there)


def _fastest(
    sites: Sequence[Site], seconds: Sequence[float | None], settings: PlacementSettings
) -> list[tuple[Site, float]]:
    """Two fastest connected sites of each place, by latency and way: only these are compared with,
    so that time does not grow with the square of the sites."""
    found: dict[int, list[tuple[float, str, Site, float]]] = {}
    for site, its in zip(sites, seconds, strict=True):
        far = site.facts.rtt_seconds
        if its is None or far is None or not (site.facts.moves and may_take(site)):
            continue
        if site.is_known and site.held < site.capacity * settings.spill_at:
            found.setdefault(site.facts.place, []).append((its + far, site.name, site, its))
    return [(site, its) for rows in found.values() for _, _, site, its in sorted(rows)[:2]]


def headroom_of(
    site: Site, limit: float, seconds: float | None, settings: PlacementSettings
) -> tuple[float, Reason | None]:
    """How much of others' demand it may take, in reference replicas, and why no more of those that
    are in a hurry. `limit`: what it keeps of its own; `seconds`: latency there as planned."""
    facts, granted = site.facts, site.memory.granted
    if not site.is_allowed:
        return 0.0, reason(Why.OUTSIDE_ZONES)
    if site.is_drained:
        return 0.0, reason(Why.DRAINED)
    if facts.state is ConnectionState.LOST:
        return 0.0, None
    if not facts.moves:
        state = "Paused" if facts.state is ConnectionState.CONNECTED else facts.state.value
        return min(granted, site.capacity), reason(Why.HOLDS, {"state": state})
    if not site.is_known:
        return 0.0, reason(Why.DEMAND_UNKNOWN)
    if TaintEffect.NO_SELECT_IF_NEW in facts.taints and granted <= NOTHING:
        return 0.0, reason(Why.NOTHING_NEW)
    closed = None
    if settings.budget_seconds is not None:
        if seconds is None or facts.rtt_seconds is None:
            closed = reason(Why.LATENCY_UNKNOWN)
        elif seconds + facts.rtt_seconds > settings.budget_seconds:
            closed = reason(
                Why.OVER_BUDGET,
                seconds=seconds + facts.rtt_seconds,
                budget=settings.budget_seconds,
            )
    return max(0.0, limit - site.held), closed


def _scored(made: Sequence[Target], settings: PlacementSettings) -> list[Target]:
    ways = [one.site.facts.rtt_seconds for one in made]
    furthest = max((way for way in ways if way is not None), default=0.0)
    terms = (
        (settings.latency_weight, [furthest if way is None else way for way in ways]),
        (settings.cost_weight, [one.site.facts.cost / one.site.facts.speed for one in made]),
        (settings.energy_weight, [one.site.facts.joules for one in made]),
    )
    weight = sum(one for one, _ in terms)
    scores = [0.0] * len(made)
    for one, values in terms:
        most = max(values, default=0.0)
        if most > 0 and weight > 0:
            scores = [
                score + one / weight * value / most
                for score, value in zip(scores, values, strict=True)
            ]
    return [
        Target(
            one.site,
            one.limit,
            one.headroom,
            one.seconds,
            score - (settings.stickiness if one.site.memory.granted > NOTHING else 0.0),
            one.reasons,
        )
        for one, score in zip(made, scores, strict=True)
    ]
