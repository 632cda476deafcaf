"""A cluster's status, where the API server does not take what its agent tells."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from triton_operator.controllers.errors import ApiRefused
from triton_operator.fleet.cluster_labels import ProfileReading
from triton_operator.fleet.data_plane import DataPlane
from triton_operator.fleet.mailbox import AGENT
from triton_operator.fleet.member_facts import AGENT_VERSION, NETWORK
from triton_operator.fleet.profile_labels import ProfileLook
from triton_operator.hub.cluster_specs import ClusterSpecs
from triton_operator.hub.clusters import Clusters
from triton_operator.hub.contacts import Contacts

Body = dict[str, Any]


class Objects:
    """A mirror's part that is used."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Body] = {}
        self.synced = asyncio.Event()

    def get(self, namespace: str, name: str) -> Body | None:
        return self.objects.get((namespace, name))

    def put(self, body: Body) -> None:
        metadata = body["metadata"]
        self.objects[metadata.get("namespace", ""), metadata["name"]] = body


class World:
    """One cluster, its Lease, and an API server that refuses a status for some of its fields."""

    def __init__(self, *refuses: str) -> None:
        self.clusters, self.leases = Objects(), Objects()
        self.specs = ClusterSpecs()
        self.refuses = refuses
        self.profile_look: ProfileLook | None = None
        self.read_look: ProfileLook | None = None
        self.writes: list[Body] = []
        self.now = 1000.0
        self.clusters.put(
            {
                "metadata": {"name": "a", "uid": "u", "generation": 1},
                "spec": {"tier": "Edge"},
            }
        )
        self.contacts = Contacts(lambda: self.now, lambda: self.now)
        self.hub = Clusters(
            server=self,  # type: ignore[arg-type]
            known=self,  # type: ignore[arg-type]
            contacts=self.contacts,
            mailboxes=self,  # type: ignore[arg-type]
            probes=self,  # type: ignore[arg-type]
            profiles=self,  # type: ignore[arg-type]
            credentials=lambda cluster: None,
            now=lambda: self.now,
            moved=lambda cluster: None,
        )
        self.hub.take_over()

    def get(self, cluster: str) -> DataPlane:
        return DataPlane()

    def look_of(self, cluster: str, reference: Any) -> ProfileLook | None:
        return self.profile_look

    async def read(self, cluster: str) -> None:
        self.profile_look = self.read_look or self.profile_look

    def refused(self, body: Body) -> frozenset[str]:
        look = self.profile_look
        return frozenset(look.reading.refused if look and look.reading else ())

    def is_due(self, cluster: str) -> bool:
        return False

    async def apply_status(
        self, kind: Any, namespace: str, name: str, uid: str, status: Body
    ) -> Body:
        self.writes.append(status)
        if found := [one for one in self.refuses if one in status]:
            raise ApiRefused(422, "Invalid", f"status.{found[0]}: no such thing")
        return {**(self.clusters.get("", name) or {}), "status": status}

    def beat(self, **annotations: str) -> None:
        self.now += 10
        before = self.leases.get("fleet-a", AGENT)
        lease = {
            "metadata": {
                "name": AGENT,
                "namespace": "fleet-a",
                "uid": "l",
                "annotations": annotations,
            },
            "spec": {
                "renewTime": f"2001-01-01T00:{self.now // 60 % 60:02.0f}:{self.now % 60:02.0f}Z"
            },
        }
        self.leases.put(lease)
        self.leases.synced.set()
        self.hub.beat(before, lease)

    @property
    def status(self) -> Body:
        found: Body = (self.clusters.get("", "a") or {})["status"]
        return found


TOLD = {
    AGENT_VERSION: "1.2.3",
    NETWORK: json.dumps({"rttMilliseconds": 1, "measuredAt": "2001-01-01T00:00:00Z"}),
}


def test_a_status_that_is_refused_is_written_without_what_the_agent_tells() -> None:
    world = World("network")
    world.beat(**TOLD)

    asyncio.run(world.hub.reconcile("a"))

    assert world.status["connectionState"] == "Recovering"
    assert "network" not in world.status
    (told,) = [row for row in world.status["conditions"] if row["type"] == "ReportsAccepted"]
    assert (told["status"], told["reason"]) == ("False", "AbsurdReport")
    assert "status.network: no such thing" in told["message"]
    assert world.hub.facts("a").network is None, "nothing is placed by it either"


def test_the_same_words_are_not_tried_again_and_others_are() -> None:
    world = World("network")
    world.beat(**TOLD)
    asyncio.run(world.hub.reconcile("a"))
    assert len(world.writes) == 2
    assert not world.hub.is_due("a")

    world.beat(**{AGENT_VERSION: "1.2.4"})
    asyncio.run(world.hub.reconcile("a"))

    assert (len(world.writes), world.status["agentVersion"]) == (3, "1.2.4")


def test_what_no_status_can_be_written_for_is_an_error() -> None:
    world = World("connectionState")
    world.beat(**TOLD)

    with pytest.raises(ApiRefused):
        asyncio.run(world.hub.reconcile("a"))


def test_a_profile_is_read_before_the_status_of_its_cluster_is_written() -> None:
    """The labels that it gives are there with the first look at an edit."""
    world = World()
    reference = {"namespace": "fleet", "name": "a", "labels": ["region"]}
    body: Body = {
        "metadata": {"name": "a", "uid": "new", "generation": 1},
        "spec": {"tier": "Edge", "clusterProfile": reference},
    }
    world.clusters.put(body)
    assert world.hub.unread(body) == {"region"}
    world.read_look = ProfileLook(ProfileReading({"region": "eu"}))

    asyncio.run(world.hub.reconcile("a"))

    assert world.status["takenLabels"] == [{"key": "region", "value": "eu"}]
    assert world.hub.unread(world.clusters.objects["", "a"]) == set()
