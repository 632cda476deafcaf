"""Clusters to place on, and a fleet that is asked again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from triton_operator.api.enums import ConnectionState, Tier
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement import Placed, SitePlacement, place
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_reasons import Why
from triton_operator.fleet.placement_settings import PlacementSettings


def edge(name: str = "edge", need: float | None = 2.0, **more: Any) -> ClusterFacts:
    """Room for four, all of them ready."""
    usual = {"capacity": 4, "ready": 4, "rtt_seconds": 0.01, "p95_seconds": 0.05}
    return ClusterFacts(name, Tier.EDGE, ConnectionState.CONNECTED, need=need, **{**usual, **more})


def cloud(name: str = "cloud", need: float | None = 0.0, **more: Any) -> ClusterFacts:
    """Room for forty, ten of them ready."""
    usual = {"capacity": 40, "ready": 10, "rtt_seconds": 0.03, "p95_seconds": 0.05}
    state = more.pop("state", ConnectionState.CONNECTED)
    return ClusterFacts(name, Tier.CLOUD, state, need=need, **{**usual, **more})


class Hub:
    """Places with what it remembers, 30 s apart."""

    def __init__(self, **settings: Any) -> None:
        self.settings = PlacementSettings(
            **{"rising_seconds": 0.0, "smoothing_seconds": 0.0, **settings}
        )
        self.memory = PlacementMemory()
        self.now = 0.0

    def place(self, *facts: ClusterFacts, seconds: float = 30.0) -> Placed:
        self.now += seconds
        self.memory, placed = place(facts, self.settings, self.memory, self.now)
        return placed


def with_state(
    facts: Sequence[ClusterFacts], name: str, state: ConnectionState, **more: Any
) -> list[ClusterFacts]:
    return [replace(one, state=state, **more) if one.name == name else one for one in facts]


def whys(site: SitePlacement) -> set[Why]:
    return {one.why for one in site.reasons}
