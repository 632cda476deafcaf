"""Whom clients ask, in which order: of each cluster, and of those that are in none.

Addresses are those that an administrator of the hub gave, so that no member can have others'
requests sent elsewhere. What clients find out faster by themselves is not in a member's list:
whether an endpoint answers, or a cluster is heard of. The list has to be of use while the hub is
away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from triton_operator.api.enums import ConnectionState, Protocol, TaintEffect
from triton_operator.api.routing import (
    LONGEST_WAY_MILLISECONDS,
    MOST_ENDPOINTS,
    LocalOnly,
    RoutedEndpoint,
    WorkRouting,
)
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.latency import planned_seconds
from triton_operator.fleet.placement import Placed
from triton_operator.fleet.placement_settings import PlacementSettings

MOST_RESERVES = 3
"""Clusters that get nothing as long as the others answer."""
MOST_LAST = 8
"""Of the hub's list: the last in order are clouds, which have room when all others are full."""
LIKE_BEFORE = 0.5
NEAR_MILLISECONDS = 10
"""A round trip that is another by no more than this part of it, or these milliseconds, is written
as it was: every change of a work is a write in every cluster. The hub measures it anew with each
look, to a millisecond, so between clusters that are near each other a factor alone would make
writes at rest; and a client that plans for 10 ms more or less does nothing else."""
STAYS_WITHIN = 1.2
"""Of the budget: so late may a reserve be that is in the list already, as measured latencies waver
about it."""


@dataclass(frozen=True)
class Fleet:
    """What lists are made from. `urls`, `grpc_urls`, `facts` and `suffixes` (of the service's name,
    where there is one) by cluster; `serving`: those that have a part, or get one with this
    decision."""

    placed: Placed
    facts: Mapping[str, ClusterFacts]
    urls: Mapping[str, str]
    serving: Collection[str]
    settings: PlacementSettings
    suffixes: Mapping[str, str] = field(default_factory=dict)
    grpc_urls: Mapping[str, str] = field(default_factory=dict)

    def is_reached(self, name: str, suffix: str) -> bool:
        """Whether clients ask there for the same model as at home: its name is in every request,
        and is the service's. Never where data must not be processed, though a work that has to go
        is there until the agent lets it go."""
        return name in self.urls and self.suffixes.get(name, "") == suffix and self.is_allowed(name)

    def is_allowed(self, name: str) -> bool:
        """Whether data may be processed there."""
        zones = self.settings.zones
        return not zones or not set(zones).isdisjoint(self.facts[name].zones)

    def keeps(self, name: str) -> str:
        """One of the clusters that a cluster's requests should go to, and cannot: their share stays
        at home. Empty: there is none, or nothing may stay."""
        if not self.is_allowed(name):
            return ""
        suffix = self.suffixes.get(name, "")
        unreached = (
            other
            for other, percent in sorted(self.placed.sites[name].weights.items())
            if percent > 0
            and other != name
            and not (other in self.facts and self.is_reached(other, suffix))
        )
        return next(unreached, "")


def member_list(
    fleet: Fleet, cluster: str, local_only: LocalOnly | None, before: WorkRouting
) -> WorkRouting:
    """Of the clients in a cluster: itself first, then others by their share, then some who may take
    requests that nobody else answers. `before`: the list that is written there.

    The share of one that is not reached stays. A cluster in which nothing is served has none.
    """
    weights = fleet.placed.sites[cluster].weights
    if not weights:
        return WorkRouting(local_only=local_only)
    own, suffix = fleet.facts[cluster], fleet.suffixes.get(cluster, "")
    ways = {one.cluster: one.round_trip_milliseconds for one in before.endpoints}

    def row(name: str, priority: int, percent: int) -> RoutedEndpoint:
        here = name == cluster
        return RoutedEndpoint(
            cluster=name,
            protocol=Protocol.HTTP,
            url=fleet.urls.get(name),
            grpc_url=None if here else fleet.grpc_urls.get(name),
            tier=fleet.facts[name].tier,
            priority=priority,
            weight_percent=percent,
            round_trip_milliseconds=(
                None if here else _milliseconds(own.rtt_to(fleet.facts[name]), ways.get(name))
            ),
            local=here,
        )

    shares = sorted(
        (
            (name, percent)
            for name, percent in weights.items()
            if percent > 0
            and name != cluster
            and name in fleet.facts
            and fleet.is_reached(name, suffix)
        ),
        key=lambda one: (-one[1], one[0]),
    )[: MOST_ENDPOINTS - 1 - MOST_RESERVES]
    away = [row(name, place, percent) for place, (name, percent) in enumerate(shares, start=1)]
    named = {cluster, *(one.cluster for one in away)}
    reserves = [
        row(name, len(away) + place, 0)
        for place, name in enumerate(_reserves(fleet, cluster, named, ways), start=1)
    ]
    rest = 100 - sum(one.weight_percent for one in away)
    return WorkRouting(endpoints=[row(cluster, 0, rest), *away, *reserves], local_only=local_only)


def hub_list(fleet: Fleet, before: Iterable[RoutedEndpoint]) -> list[RoutedEndpoint]:
    """Of clients that are in none of the clusters: all that have an address, in the order of
    filling, each with a share by what is ready there. To nobody data goes that must stay.

    Of more than fit the first ones, and the last. One whose endpoint does not answer, or is not
    known to while the cluster is lost, or that is drained, gets no share; without any share the
    first one is asked first.
    """
    ways = {one.cluster: one.round_trip_milliseconds for one in before}
    names = [
        name for name in fleet.placed.sites if name in fleet.serving and fleet.is_reached(name, "")
    ]
    if len(names) > MOST_ENDPOINTS:
        names = [*names[: MOST_ENDPOINTS - MOST_LAST], *names[-MOST_LAST:]]
    shares = _percents({name: _ready(fleet.facts[name]) for name in names})
    return [
        RoutedEndpoint(
            cluster=name,
            protocol=Protocol.HTTP,
            url=fleet.urls[name],
            grpc_url=fleet.grpc_urls.get(name),
            tier=fleet.facts[name].tier,
            priority=place,
            weight_percent=shares[name],
            round_trip_milliseconds=_milliseconds(fleet.facts[name].rtt_seconds, ways.get(name)),
            healthy=fleet.facts[name].data_plane,
        )
        for place, name in enumerate(names)
    ]


def _reserves(
    fleet: Fleet, cluster: str, named: Collection[str], before: Collection[str]
) -> list[str]:
    """In the order of filling: never an earlier tier, and nobody who is too far away to answer in
    time, as far as that is known. `before`: who is in the list that is written."""
    own, suffix = fleet.facts[cluster], fleet.suffixes.get(cluster, "")
    found = (
        name
        for name in fleet.placed.sites
        if name not in named
        and fleet.is_reached(name, suffix)
        and name in fleet.serving
        and fleet.facts[name].place >= own.place
        and not _is_drained(fleet.facts[name])
        and _is_in_time(
            own, fleet.facts[name], fleet.settings, STAYS_WITHIN if name in before else 1.0
        )
    )
    # Nobody looks beyond them: each of hundreds of clusters has such a list in every decision.
    return list(islice(found, MOST_RESERVES))


def _is_in_time(
    own: ClusterFacts, other: ClusterFacts, settings: PlacementSettings, patience: float
) -> bool:
    if settings.budget_seconds is None:
        return True
    way, its = own.rtt_to(other), planned_seconds(other, settings)
    return way is None or its is None or way + its <= patience * settings.budget_seconds


def _is_drained(facts: ClusterFacts) -> bool:
    return TaintEffect.NO_SELECT in facts.taints


def _ready(facts: ClusterFacts) -> float:
    if facts.data_plane is False or _is_drained(facts):
        return 0.0
    if facts.state is ConnectionState.LOST and facts.data_plane is not True:
        # Only its endpoint itself can say that it still serves.
        return 0.0
    return facts.ready * facts.speed


def _percents(parts: Mapping[str, float]) -> dict[str, int]:
    """Whole percents, rounded down, with the rest for the largest; all 0 of nothing."""
    whole = sum(parts.values())
    if whole <= 0:
        return dict.fromkeys(parts, 0)
    shares = {name: int(100 * part / whole) for name, part in parts.items()}
    shares[max(parts, key=lambda name: parts[name])] += 100 - sum(shares.values())
    return shares


def _milliseconds(seconds: float | None, before: int | None) -> int | None:
    if seconds is None:
        return before
    now = min(LONGEST_WAY_MILLISECONDS, max(1, round(1000 * seconds)))
    if before is not None and abs(now - before) <= max(NEAR_MILLISECONDS, LIKE_BEFORE * before):
        return before
    return now
