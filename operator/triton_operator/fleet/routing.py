"""Which part of a cluster's requests is sent where: made before broken, by what is ready now.

Weights are percent of the requests that may leave; those that must not have a rule of their own,
with the local endpoint only. They are 100 together, or there are none and nothing is served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triton_operator.api.enums import ConnectionState
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.site import NOTHING, Site
from triton_operator.fleet.spilling import Spilling
from triton_operator.fleet.targets import Target, keeps_budget, may_take


@dataclass(frozen=True)
class Route:
    """`weights` in percent, the cluster itself among them; `loads` sent to others, in reference
    replicas."""

    weights: dict[str, int]
    loads: dict[str, float]

    @property
    def sent(self) -> float:
        """To all others together."""
        return sum(self.loads.values())


def routes(
    made: Sequence[Target], found: Spilling, settings: PlacementSettings
) -> dict[str, Route]:
    """Every cluster's. Who cannot be told anything keeps what it has, and is counted first."""
    by_name = {one.site.name: one for one in made}
    spare = {one.site.name: _spare(one.site) for one in made}
    routed: dict[str, Route] = {}
    for one in made:
        if not one.site.facts.moves:
            route = _kept(one.site, by_name)
            routed[one.site.name] = route
            for name, load in route.loads.items():
                spare[name] = max(0.0, spare[name] - load)
    for one in made:
        if one.site.facts.moves:
            routed[one.site.name] = _route(one.site, by_name, found, spare, settings)
    return {one.site.name: routed[one.site.name] for one in made}


def gets_requests(site: Site) -> bool:
    """Whether others' requests may be sent there: what its endpoint says counts, not whether the
    hub hears of it."""
    return may_take(site) and site.facts.data_plane is not False


def _spare(site: Site) -> float:
    """What is ready there beyond its own demand; the higher one of now and smoothed."""
    if not gets_requests(site):
        return 0.0
    own = max(site.held, site.facts.need or 0.0)
    return max(0.0, min(site.facts.ready * site.facts.speed, site.capacity) - own)


def _kept(site: Site, by_name: Mapping[str, Target]) -> Route:
    """What it was told last, without what it must not do when it reads it again."""
    weights = dict(site.memory.weights)
    for name in list(weights):
        known = by_name.get(name)
        if known is None or not known.site.is_allowed:
            moved = weights.pop(name)
            if site.is_allowed:
                weights[site.name] = weights.get(site.name, 0) + moved
    if not weights or sum(weights.values()) != 100:
        return Route({}, {})
    loads = {name: load for name, load in site.memory.loads.items() if name in weights}
    return Route(weights, loads)


def _route(
    origin: Site,
    by_name: Mapping[str, Target],
    found: Spilling,
    spare: dict[str, float],
    settings: PlacementSettings,
) -> Route:
    loads: dict[str, float] = {}

    def send(name: str, load: float) -> None:
        load = min(load, spare[name])
        if load > NOTHING:
            spare[name] -= load
            loads[name] = loads.get(name, 0.0) + load

    grants = found.grants[origin.name]
    for name, load in grants.items():
        send(name, load)
    # Who served it until now goes on with what the new ones are not ready for.
    for name, before in origin.memory.loads.items():
        rest = sum(grants.values()) - sum(loads.values())
        old = by_name.get(name)
        if rest > NOTHING and old is not None and _goes_on(origin, old, settings):
            send(name, min(rest, before - loads.get(name, 0.0)))
    return Route(_weights(origin, loads), loads)


def _goes_on(origin: Site, old: Target, settings: PlacementSettings) -> bool:
    if old.site.facts.place < origin.facts.place or not gets_requests(old.site):
        return False
    if not keeps_budget(origin, old, settings):
        return False
    # Of a lost cluster only its endpoint itself can say that it still serves.
    lost = old.site.facts.state is ConnectionState.LOST
    return old.site.facts.data_plane is True or not lost


def _weights(origin: Site, loads: Mapping[str, float]) -> dict[str, int]:
    """Whole percents, rounded down for others; the cluster itself gets the rest."""
    mobile = origin.mobile
    sent = sum(loads.values())
    if origin.is_allowed:
        shares = {name: int(100 * load / mobile + NOTHING) for name, load in loads.items()}
        weights = {name: share for name, share in sorted(shares.items()) if share > 0}
        rest = 100 - sum(weights.values())
        return {origin.name: rest, **weights} if rest > 0 else weights
    if mobile <= NOTHING or sent < mobile * (1.0 - NOTHING):
        # Data must not be processed here, and not all of it can be elsewhere.
        return {}
    weights = {name: int(100 * load / sent) for name, load in sorted(loads.items())}
    first = max(weights, key=lambda name: (weights[name], name))
    weights[first] += 100 - sum(weights.values())
    return {name: share for name, share in weights.items() if share > 0}
