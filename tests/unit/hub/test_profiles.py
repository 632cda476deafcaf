"""Looks at ClusterProfiles: by name, with the last word kept, and told of where it changes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

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
        self.clusters: dict[tuple[str, str], Any] = {
            ("", name): {
                "metadata": {"name": name, "uid": name, "generation": 1, "labels": {}},
                "spec": {"tier": "Edge", **spec},
            }
            for name, spec in (("a", {"clusterProfile": REFERENCE.wire()}), ("b", {}))
        }
        server: Any = self.server
        known: Any = SimpleNamespace(
            clusters=SimpleNamespace(
                objects=self.clusters, get=lambda *place: self.clusters.get(place)
            ),
            specs=ClusterSpecs(),
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

    def edit(self, **metadata: Any) -> None:
        """The InferenceCluster that names the profile."""
        body = self.clusters["", "a"]
        self.clusters["", "a"] = {**body, "metadata": {**body["metadata"], **metadata}}

    def read(self, cluster: str = "a") -> set[str]:
        """After an event of it; which labels its profile refuses then."""
        asyncio.run(self.profiles.read(cluster))
        return self.refused(cluster)

    def refused(self, cluster: str = "a") -> set[str]:
        """Of the InferenceCluster as it is now."""
        return set(self.profiles.refused(self.clusters["", cluster]))


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


@pytest.mark.parametrize("edit", [{"uid": "new"}, {"generation": 2}, {"labels": {"team": "x"}}])
def test_a_profile_is_read_at_once_after_an_edit_of_its_cluster(edit: dict[str, Any]) -> None:
    """Who moves a label to the inventory writes there, and then here."""
    world = World(CLUSTER_PROFILE)
    world.put(zone="b")
    world.look()
    assert world.refused() == {"region"}

    world.put(region="eu")
    assert world.read() == {"region"}, "nothing was edited: it is read once a minute"
    world.edit(**edit)
    assert world.refused() == set(), "what was read before the edit says nothing"

    assert world.read() == set()
    assert world.profiles.look_of("a", REFERENCE) == ProfileLook(ProfileReading({"region": "eu"}))
    assert world.heard == ["a", "a"]


def test_the_first_look_after_an_edit_asks_no_cache() -> None:
    world = World(CLUSTER_PROFILE)
    world.put(region="eu")

    world.read()
    world.look()
    world.edit(generation=2)
    world.look()

    assert world.server.cached == [False, True, False]


def test_what_names_no_profile_or_gets_no_answer_is_left_as_it_is() -> None:
    world = World(CLUSTER_PROFILE)
    assert world.read("b") == set()
    asyncio.run(world.profiles.read("gone"))

    world.server.error = ApiUnavailable(503, "", "down")
    assert world.read() == set()
    assert world.heard == []

    world.server.error = None
    world.put(zone="b")
    assert world.read() == {"region"}, "and is asked again with the next event"


def test_a_profile_without_properties_refuses_nothing() -> None:
    world = World(CLUSTER_PROFILE)
    world.put()

    assert world.read() == set()
