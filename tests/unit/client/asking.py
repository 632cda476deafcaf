"""Endpoints that behave as they are told, on a clock that only they move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from triton_operator.client.counters import Counters
from triton_operator.client.endpoints import Endpoint, endpoints_of
from triton_operator.client.fallback import Fallback, Served
from triton_operator.client.memory import Memory
from triton_operator.client.outcome import Outcome, Reply


def edge(cluster: str = "store", **more: Any) -> Endpoint:
    return made(cluster, **{"local": True, "priority": 0, "roundTripMilliseconds": 1, **more})


def cloud(cluster: str = "cloud", **more: Any) -> Endpoint:
    return made(cluster, **{"priority": 1, "roundTripMilliseconds": 40, **more})


def made(cluster: str, **more: Any) -> Endpoint:
    row = {"cluster": cluster, "protocol": "HTTP", "url": f"http://{cluster}.example:8000", **more}
    (endpoint,) = endpoints_of([row])
    return endpoint


@dataclass(frozen=True)
class Behaviour:
    """`seconds` None: it takes all it is given, and is late."""

    outcome: Outcome = Outcome.SERVED
    seconds: float | None = 0.02


FINE = Behaviour()
HANGS = Behaviour(Outcome.TIMED_OUT, None)
REFUSES_CONNECTIONS = Behaviour(Outcome.UNREACHABLE, 0.001)
OVERLOADED = Behaviour(Outcome.OVERLOADED, 0.002)


@dataclass
class World:
    """`asked`: each cluster with the time it began and its budget."""

    behaviours: Mapping[str, Behaviour]
    chance: float = 0.0
    now: float = 1000.0
    asked: list[tuple[str, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counters = Counters()
        self.memory = Memory(lambda: self.chance)
        self.fallback = Fallback(self.memory, self.counters, lambda: self.now, lambda: self.chance)

    @property
    def clusters(self) -> list[str]:
        return [cluster for cluster, _, _ in self.asked]

    def send(self, endpoint: Endpoint, seconds: float) -> Reply:
        self.asked.append((endpoint.cluster, self.now, seconds))
        behaviour = self.behaviours[endpoint.cluster]
        if behaviour.seconds is None or behaviour.seconds > seconds:
            self.now += seconds
            return Reply(Outcome.TIMED_OUT)
        self.now += behaviour.seconds
        return Reply(behaviour.outcome, "400", "in its own words")

    def serve(
        self, *endpoints: Endpoint, deadline: float = 1.0, local_only: bool = False
    ) -> Served:
        return self.fallback.serve(
            endpoints, "vision", self.send, until=self.now + deadline, local_only=local_only
        )

    def learn(self, *endpoints: Endpoint, times: int = 50) -> None:
        """Let each be asked alone, so that it is known how long it takes."""
        for one in endpoints:
            for _ in range(times):
                self.serve(one)
        self.asked.clear()
