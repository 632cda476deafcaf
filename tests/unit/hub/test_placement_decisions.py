"""PlacementDecisions: where the kind is there and clusters are in an inventory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from tests.unit.fleet.clusters import edge
from tests.unit.hub.beside import SERVICE, Place
from triton_operator.api.conditions import Finding
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.controllers.errors import ApiRefused
from triton_operator.controllers.keys import Key
from triton_operator.fleet.endpoint_lists import Fleet
from triton_operator.fleet.placement import place
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.hub.kinds import PLACEMENT_DECISION
from triton_operator.hub.placement_decisions import PlacementDecisions

TOLD = {"conditions": [{"type": "DecisionPublished"}]}
KEY = Key("InferenceService", "shop", "vision")


class World(Place):
    """A service on some clusters of which some are in an inventory."""

    def __init__(self, *kinds: Any) -> None:
        super().__init__(*kinds)
        self.decisions = PlacementDecisions(self.objects, self.kinds)

    def write(
        self, inventoried: list[str], others: tuple[str, ...] = (), status: Any = None
    ) -> Finding | None:
        facts = [replace(edge(need=1.0), name=name) for name in [*inventoried, *others]]
        _, placed = place(facts, PlacementSettings(), PlacementMemory(), 0.0)
        members = {
            name: SimpleNamespace(
                spec=InferenceClusterSpec.model_validate(
                    {
                        "tier": "Edge",
                        **(
                            {"clusterProfile": {"namespace": "fleet", "name": f"profile-{name}"}}
                            if name in inventoried
                            else {}
                        ),
                    }
                )
            )
            for name in placed.sites
        }
        scene: Any = SimpleNamespace(
            key=KEY, body={**SERVICE, "status": status or {}}, members=members
        )
        fleet = Fleet(
            placed=placed,
            facts={one.name: one for one in facts},
            urls={},
            serving=set(placed.sites),
            settings=PlacementSettings(),
        )
        return asyncio.run(self.decisions.write(scene, fleet))

    def named(self) -> list[str]:
        """Profiles in all slices."""
        return [
            row["clusterProfileRef"]["name"]
            for name in self.server.names(PLACEMENT_DECISION)
            for row in self.server.live["PlacementDecision", name]["decisions"]
        ]


def test_clusters_with_a_part_are_named_by_their_profiles_and_written_once() -> None:
    world = World(PLACEMENT_DECISION)
    found = world.write(["a", "b"])

    assert found is not None
    assert (found.type, found.status, found.reason) == ("DecisionPublished", "True", "Published")
    assert world.server.names(PLACEMENT_DECISION) == ["vision-0"]
    assert world.named() == ["profile-a", "profile-b"]
    made = world.server.live["PlacementDecision", "vision-0"]
    assert made["apiVersion"] == "multicluster.x-k8s.io/v1alpha1"
    assert made["metadata"]["ownerReferences"][0]["uid"] == "u"
    world.write(["a", "b"])
    assert world.server.writes == 1

    world.write(["a"])
    assert world.named() == ["profile-a"]


def test_where_the_kind_is_not_there_nobody_hears_of_it() -> None:
    world = World()

    assert world.write(["a"]) is None
    assert world.server.writes == 0


def test_without_an_inventory_nothing_is_asked() -> None:
    world = World(PLACEMENT_DECISION)

    assert world.write([], ("a",)) is None
    assert (world.server.asked, world.server.writes) == (0, 0)


def test_a_cluster_without_a_profile_is_said_to_be_left_out() -> None:
    world = World(PLACEMENT_DECISION)
    found = world.write(["a"], ("b",))

    assert found is not None
    assert (found.status, found.reason) == ("False", "PublishedInPart")
    assert "1 of 2" in found.message
    assert "spec.clusterProfile of b" in found.message
    assert world.named() == ["profile-a"]


def test_slices_that_are_not_needed_any_more_go_also_after_a_restart() -> None:
    world = World(PLACEMENT_DECISION)
    many = [f"c{place:03}" for place in range(150)]
    world.write(many)
    assert world.server.names(PLACEMENT_DECISION) == ["vision-0", "vision-1"]
    assert len(world.named()) == 150

    world.objects.forget_all()
    world.decisions.forget_all()
    world.write(many[:100])
    assert world.server.names(PLACEMENT_DECISION) == ["vision-0"]

    assert world.write([], ("a",), TOLD) is None
    assert world.server.names(PLACEMENT_DECISION) == [], "no cluster is in an inventory any more"


def test_what_is_somebody_elses_is_left_alone_and_failures_are_said() -> None:
    world = World(PLACEMENT_DECISION)
    world.strangers(PLACEMENT_DECISION, "vision-0")
    found = world.write(["a"])
    assert found is not None
    assert (found.status, found.reason) == ("False", "NotPublished")

    world = World(PLACEMENT_DECISION)
    world.server.error = ApiRefused(403, "Forbidden", "no right")
    found = world.write(["a"])
    assert found is not None
    assert (found.status, found.reason) == ("False", "NotPublished")
