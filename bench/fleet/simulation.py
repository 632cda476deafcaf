"""Hours of a fleet under one policy: a hub that hears what links let through, and sites alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

from bench.fleet.clients import Clients
from bench.fleet.policies import Policy
from bench.fleet.site import Site
from bench.fleet.weather import HOUR, STEP_SECONDS, Flags, Place, Weather
from triton_operator.api.enums import ConnectionReason, ConnectionState
from triton_operator.fleet.connection import Connection, heard, observed
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement import Placed, place
from triton_operator.fleet.placement_memory import PlacementMemory

HUB_SECONDS = 30
BEAT_SECONDS = 15
FAILING_OVER_SECONDS = 60
"""After so long clients of a cloud that is gone go to another one by themselves."""
SERVICE_SECONDS = 0.12
DRAWN_SECONDS = 30


@dataclass
class Result:
    """Loads are replica-seconds. `impossible`: of `unserved`, what nobody could have served."""

    demand: float = 0.0
    unserved: float = 0.0
    impossible: float = 0.0
    replica_hours: float = 0.0
    floor_changes: int = 0
    flips: int = 0
    weight_changes: int = 0
    series: dict[str, list[float]] = field(default_factory=dict)

    @property
    def unserved_percent(self) -> float:
        """Of all demand."""
        return 100.0 * self.unserved / self.demand

    @property
    def impossible_percent(self) -> float:
        """Of all demand."""
        return 100.0 * self.impossible / self.demand


def simulate(weather: Weather, policy: Policy, follows: float = 1.0) -> Result:
    """What comes of it. Pure: a weather, a policy and the part of clients that follow their list
    have one result."""
    world = _World(weather, policy, follows)
    for step in range(weather.steps):
        world.step(step)
    return world.finished()


class _World:
    def __init__(self, weather: Weather, policy: Policy, follows: float) -> None:
        self._weather, self._policy = weather, policy
        places = weather.places
        self._clients = [Clients(follows) for _ in places]
        self._sites = [Site(place, ceiling=place.capacity) for place in places]
        self._column = {place.name: number for number, place in enumerate(places)}
        self._connections = [
            Connection(ConnectionState.CONNECTED, ConnectionReason.HEARD, 0.0, None, -HOUR)
            for _ in places
        ]
        self._facts = [_first(place) for place in places]
        self._memory = PlacementMemory()
        self._placed: Placed | None = None
        self._result = Result()
        self._floors: list[list[int]] = [[0] for _ in places]
        self._gone_since = [0.0 for _ in places]
        for site, load in zip(self._sites, weather.demand[0], strict=True):
            site.begin(float(load))

    def step(self, number: int) -> None:
        now = float(number * STEP_SECONDS)
        linked = self._weather.linked[number]
        if now % BEAT_SECONDS == 0:
            for column in range(len(self._sites)):
                if linked[column]:
                    self._exchange(column, now)
        self._connections = [
            observed(one, now, self._policy.heartbeat) for one in self._connections
        ]
        if now % HUB_SECONDS == 0:
            self._decide(now, number)
        self._serve(now, number)
        if now % DRAWN_SECONDS == 0:
            self._draw(number)

    def finished(self) -> Result:
        for row in self._floors:
            moves = [after - before for before, after in pairwise(row) if after != before]
            self._result.floor_changes += len(moves)
            self._result.flips += sum((one > 0) != (other > 0) for one, other in pairwise(moves))
        return self._result

    def _exchange(self, column: int, now: float) -> None:
        """A heartbeat: the site tells what it has, and reads what is written for it."""
        site = self._sites[column]
        self._connections[column] = heard(self._connections[column], now, self._policy.heartbeat)
        self._facts[column] = replace(
            self._facts[column], ready=site.ready, need=site.arriving, ceiling=site.ceiling
        )
        if self._placed is not None and not self._policy.alone:
            written = self._placed.sites[site.place.name]
            site.floor, site.ceiling = written.floor, written.ceiling
            self._clients[column].told(now, self._weights(site.place.name))

    def _weights(self, name: str) -> dict[str, int]:
        assert self._placed is not None
        written = self._placed.sites[name]
        if not self._policy.eager:
            return written.weights
        mobile = written.demand * (1 - self._sites[self._column[name]].place.local_only_share)
        shares = {
            other: int(100 * load / mobile) for other, load in written.granted.items() if mobile
        }
        return {name: 100 - sum(shares.values()), **shares}

    def _decide(self, now: float, number: int) -> None:
        reachable = self._weather.linked[number]
        facts = [
            replace(one, state=connection.state, data_plane=bool(answers))
            for one, connection, answers in zip(
                self._facts, self._connections, reachable, strict=True
            )
        ]
        before = self._placed
        self._memory, self._placed = place(facts, self._policy.settings, self._memory, now)
        for column, site in enumerate(self._sites):
            name = site.place.name
            self._floors[column].append(self._placed.sites[name].floor)
            if before is not None:
                changed = before.sites[name].weights != self._placed.sites[name].weights
                self._result.weight_changes += changed

    def _serve(self, now: float, number: int) -> None:
        """Who is asked by whose clients, and what comes of it."""
        linked, up = self._weather.linked[number], self._weather.up[number]
        demand = [float(one) for one in self._weather.demand[number]]
        self._result.demand += STEP_SECONDS * sum(demand)
        impossible = unserved = self._failed_over(now, demand, up)
        loads = list(demand)
        for column, site in enumerate(self._sites):
            mobile = demand[column] * (1.0 - site.place.local_only_share)
            for name, share in self._clients[column].shares(now).items():
                other = self._column[name]
                # Without a way there, clients fall back to what is near.
                if other != column and linked[column] and linked[other]:
                    loads[other] += mobile * share
                    loads[column] -= mobile * share
        for column, site in enumerate(self._sites):
            unserved += site.step(now, loads[column])
            if not linked[column]:
                impossible += max(0.0, demand[column] - site.place.capacity)
            self._result.replica_hours += site.replicas * STEP_SECONDS / HOUR
        self._result.unserved += STEP_SECONDS * unserved
        self._result.impossible += STEP_SECONDS * impossible

    def _failed_over(self, now: float, demand: list[float], up: Flags) -> float:
        """Demand of clouds that are gone moves to the next one, once clients have noticed; before
        that it is lost."""
        lost = 0.0
        tiers = [site.place.tier for site in self._sites]
        for column, tier in enumerate(tiers):
            if up[column]:
                self._gone_since[column] = now
                continue
            others = [n for n, its in enumerate(tiers) if its is tier and up[n]]
            if now - self._gone_since[column] >= FAILING_OVER_SECONDS and others:
                demand[others[0]] += demand[column]
            else:
                lost += demand[column]
            demand[column] = 0.0
        return lost

    def _draw(self, number: int) -> None:
        series = self._result.series
        for column, site in enumerate(self._sites):
            name = site.place.name
            series.setdefault(f"demand {name}", []).append(
                round(float(self._weather.demand[number][column]), 3)
            )
            series.setdefault(f"ready {name}", []).append(site.ready)
            series.setdefault(f"floor {name}", []).append(self._floors[column][-1])


def _first(place: Place) -> ClusterFacts:
    """What is known of it before its first heartbeat."""
    return ClusterFacts(
        name=place.name,
        tier=place.tier,
        state=ConnectionState.CONNECTED,
        capacity=place.capacity,
        local_only_share=place.local_only_share,
        rtt_seconds=place.rtt_seconds,
        p95_seconds=SERVICE_SECONDS,
        cost=place.cost,
    )
