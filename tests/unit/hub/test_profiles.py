"""Looks at ClusterProfiles: by name, with the last word kept, and told of where it changes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from tests.unit.hub.beside import Place
from triton_operator.api.inference_cluster import ClusterProfileReference
from triton_operator.controllers.errors import ApiRefused, ApiUnavailable
from triton_operator.fleet.cluster_labels import ProfileReading
from triton_operator.fleet.profile_labels import ProfileLook
from triton_operator.hub.cluster_specs import ClusterSpecs
from triton_operator.hub.kinds import CLUSTER_PROFILE
from triton_operator.hub.profiles import Profiles

REFERENCE = ClusterProfileReference(namespace="fleet", name="store", labels=["region"])


class World(Place):
    """One cluster that names a profile, one that does not, and what looks."""

    def __init__(self, *kinds: Any) -> None:
        super().__init__(*kinds)
        self.heard: list[str] = []
        self.clusters = {
            ("", name): {
                "metadata": {"name": name, "uid": name, "generation": 1},
                "spec": {"tier": "Edge", **spec},
            }
            for name, spec in (("a", {"clusterProfile": REFERENCE.wire()}), ("b", {}))
        }
        server: Any = self.server
        known: Any = SimpleNamespace(
            clusters=SimpleNamespace(objects=self.clusters), specs=ClusterSpecs()
        )
        self.profiles = Profiles(server, known, self.kinds, self.heard.append)

    def put(self, **properties: str) -> None:
        rows = [{"name": name, "value": properties[name]} for name in properties]
        self.server.live["ClusterProfile", "store"] = {
            "metadata": {"name": "store"},
            "status": {"properties": rows},
        }

    def look(self) -> ProfileLook | None:
        asyncio.run(self.profiles.look())
        return self.profiles.look_of("a", REFERENCE)


def test_a_profile_is_read_and_changes_are_told_once() -> None:
    world = World(CLUSTER_PROFILE)
    assert world.profiles.look_of("a", REFERENCE) is None
    world.put(region="eu")

    assert world.look() == ProfileLook(ProfileReading({"region": "eu"}))
    world.look()
    assert world.heard == ["a"]
    world.put(region="us")
    world.look()
    assert world.heard == ["a", "a"]


def test_why_nothing_is_read() -> None:
    world = World()
    found = world.look()
    assert found is not None
    assert (found.reading, found.reason) == (None, "KindNotInstalled")

    world.server.kinds.add(CLUSTER_PROFILE)
    world.now += 60
    found = world.look()
    assert found is not None
    assert (found.reading, found.reason) == (None, "ProfileNotFound")

    world.server.error = ApiRefused(403, "Forbidden", "no right")
    world.now += 60
    found = world.look()
    assert found is not None
    assert (found.reading, found.reason) == (None, "ProfileNotRead")


def test_a_server_that_does_not_answer_says_nothing() -> None:
    world = World(CLUSTER_PROFILE)
    world.put(region="eu")
    before = world.look()

    world.server.error = ApiUnavailable(503, "", "down")
    world.now += 60
    assert world.look() == before
    assert world.heard == ["a"]


def test_a_look_at_another_profile_says_nothing() -> None:
    world = World(CLUSTER_PROFILE)
    world.put(region="eu")
    world.look()

    other = REFERENCE.model_copy(update={"name": "other"})
    assert world.profiles.look_of("a", other) is None
    assert world.profiles.look_of("a", None) is None
    del world.clusters["", "a"]
    assert world.look() is None
