"""When the status of a service is written: at once where something follows, else now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.fleet.clusters import cloud, edge
from triton_operator.api.enums import ConnectionState, ManagedBy, Protocol
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import Kind
from triton_operator.fleet.member import Member
from triton_operator.fleet.placement import Placed, place
from triton_operator.fleet.placement_findings import WorkState
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_reasons import Reason, Why
from triton_operator.fleet.placement_wish import settings_of
from triton_operator.fleet.reports import Report
from triton_operator.hub.rollouts import Templates
from triton_operator.hub.scene import Scene
from triton_operator.hub.service_status import REFRESH_SECONDS, ServiceStatusWriter

NOW = 1_800_000_000.0
SPEC = {"model": {"uri": "https://models.example/m.onnx"}, "managedBy": ManagedBy.FLEET.value}
WORKS = {name: WorkState(1, 1, applied=True) for name in ("edge", "cloud")}


class World:
    """One service with an edge and a cloud, decided on again and again."""

    def __init__(self) -> None:
        self.writes = 0
        self.memory = PlacementMemory()
        self.members: dict[str, Member] = {}
        self.body: dict[str, Any] = {
            "metadata": {"namespace": "shop", "name": "vision", "uid": "s", "generation": 1},
            "spec": SPEC,
        }
        server: Any = self
        services: Any = SimpleNamespace(put=lambda body: None)
        self._writer = ServiceStatusWriter(server, services)

    async def apply_status(
        self, kind: Kind, namespace: str, name: str, uid: str, status: Mapping[str, Any]
    ) -> dict[str, Any]:
        self.writes += 1
        self.body = {**self.body, "status": dict(status)}
        return self.body

    def decide(self, seconds: float, need: float | None = 2.0, **changes: Any) -> int:
        """How many writes a decision so long after the first leads to; `changes` of the edge's.
        `shares`: in the list of endpoints."""
        spec = InferenceServiceSpec.model_validate(SPEC)
        settings = replace(settings_of(spec), rising_seconds=0.0, smoothing_seconds=0.0)
        endpoints = [
            RoutedEndpoint(cluster=name, protocol=Protocol.HTTP, weight_percent=percent)
            for name, percent in changes.pop("shares", {}).items()
        ]
        facts = (replace(edge(need=need), **changes.pop("facts", {})), cloud())
        self.memory, placed = place(facts, settings, self.memory, NOW + seconds)
        site = replace(placed.sites["edge"], **changes)
        placed = Placed({**placed.sites, "edge": site})
        scene = Scene(
            Key("InferenceService", "shop", "vision"),
            self.body,
            spec,
            settings,
            self.members,
            {},
            self.memory,
            {one.name: one for one in facts},
        )
        before = self.writes
        asyncio.run(
            self._writer.write(scene, placed, self.memory, WORKS, 1, Templates(""), endpoints, [])
        )
        return self.writes - before


@pytest.fixture
def world() -> World:
    made = World()
    assert made.decide(0) == 1
    return made


def test_a_decision_that_changes_nothing_is_not_written(world: World) -> None:
    assert world.decide(10 * REFRESH_SECONDS) == 0


def test_numbers_that_always_move_are_written_now_and_then(world: World) -> None:
    assert [world.decide(seconds, 2 + seconds / 100) for seconds in (2, 10, 29)] == [0, 0, 0]
    assert world.decide(REFRESH_SECONDS, 2.3) == 1
    assert world.decide(REFRESH_SECONDS + 2, 2.4) == 0

    rows = {row["name"]: row for row in world.body["status"]["placement"]["clusters"]}
    assert rows["edge"]["need"] == "2.3"


def test_shares_that_follow_what_is_ready_are_written_now_and_then(world: World) -> None:
    world.decide(0, shares={"edge": 40, "cloud": 60})

    moved = [
        world.decide(2 + ready, shares={"edge": ready, "cloud": 100 - ready}) for ready in (9, 8)
    ]
    later = world.decide(REFRESH_SECONDS, shares={"edge": 7, "cloud": 93})

    assert (moved, later) == ([0, 0], 1)
    assert world.body["status"]["endpoints"][1]["weightPercent"] == 93
    assert world.decide(REFRESH_SECONDS + 2, shares={"edge": 0, "cloud": 100}) == 1, "one has none"
    assert world.decide(REFRESH_SECONDS + 4, shares={"cloud": 100}) == 1


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"floor": 3}, id="a floor"),
        pytest.param({"ceiling": 5}, id="a ceiling"),
        pytest.param({"weights": {"edge": 60, "cloud": 40}}, id="weights"),
        pytest.param({"reasons": (Reason(Why.OUTSIDE_ZONES),)}, id="a reason"),
        pytest.param({"facts": {"state": ConnectionState.SUSPECT}}, id="what is known of it"),
    ],
)
def test_what_something_follows_from_is_written_at_once(
    world: World, changes: dict[str, Any]
) -> None:
    assert world.decide(2, **changes) == 1


def test_the_first_demand_is_written_at_once() -> None:
    world = World()

    assert world.decide(0, None, reasons=(), weights={}) == 1
    assert world.decide(2, 2.0, reasons=(), weights={}) == 1


def test_a_clock_that_was_put_back_makes_nothing_fresh(world: World) -> None:
    assert world.decide(-3600, 2.1) == 1


def test_the_row_of_a_cluster_says_why_it_stays(world: World) -> None:
    spec = InferenceClusterSpec.model_validate({"tier": "Edge"})
    state = ConnectionState.CONNECTED
    world.members = {
        "edge": Member("edge", spec, state, None, Report(), stays="stays, as nobody has read it"),
        "cloud": Member("cloud", spec, state, None, Report()),
    }
    assert world.decide(2) == 1

    rows = {row["name"]: row for row in world.body["status"]["placement"]["clusters"]}
    assert rows["edge"]["reason"].startswith("stays, as nobody has read it")
    assert "stays" not in rows["cloud"].get("reason", "")
