"""Clusters that a hub pushes to: begun, replaced and ended as their Secrets say."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from triton_operator.api.conditions import Finding
from triton_operator.controllers.errors import ApiError, ApiRefused, ApiUnavailable
from triton_operator.controllers.kinds import NAMESPACE
from triton_operator.fleet.mailbox import CLUSTER, PUSHED_BY, mailbox
from triton_operator.hub import pushes as module
from triton_operator.hub.cluster_specs import ClusterSpecs
from triton_operator.hub.kinds import SECRET
from triton_operator.hub.pushes import Pushes

Body = dict[str, Any]
Reached = Callable[[ApiError | None], None]
UNKNOWN_ACCOUNT = ApiRefused(401, "Unauthorized", "who?")


def kubeconfig(token: str = "t", **user: Any) -> str:
    context = {"name": "c", "context": {"cluster": "k", "user": "u"}}
    return yaml.safe_dump(
        {
            "current-context": "c",
            "contexts": [context],
            "clusters": [{"name": "k", "cluster": {"server": "https://member.example"}}],
            "users": [{"name": "u", "user": user or {"token": token}}],
        }
    )


class World:
    """A hub's API server with Secrets and mailboxes, and what is pushed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clusters: dict[tuple[str, str], Body] = {}
        self.works: dict[tuple[str, str], Body] = {}
        self.secrets: dict[str, str | Exception] = {}
        self.namespaces: dict[str, Body] = {}
        self.asked: list[str] = []
        self.running: dict[str, tuple[float, Reached]] = {}
        self.begun: list[str] = []
        self.looks: list[asyncio.Semaphore] = []
        self.falls = False
        self.now = 1000.0
        known = SimpleNamespace(
            clusters=SimpleNamespace(
                objects=self.clusters, get=lambda *place: self.clusters.get(place)
            ),
            works=SimpleNamespace(objects=self.works),
            specs=ClusterSpecs(),
        )
        monkeypatch.setattr(module, "sync", self.sync)
        monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
        self.pushes = Pushes(
            server=self,  # type: ignore[arg-type]
            known=known,  # type: ignore[arg-type]
            namespace="hub",
            connect_hub=self.connect,
            now=lambda: self.now,
        )

    async def connect(self) -> Any:
        raise AssertionError("nobody connects in this test")

    def add(self, name: str, secret: str = "", **spec: Any) -> None:
        """A cluster, with its mailbox."""
        source = {"clusterSource": {"kubeConfig": {"secretName": secret}}} if secret else {}
        metadata = {"name": name, "uid": name, "generation": len(self.begun) + 1}
        self.clusters["", name] = {"metadata": metadata, "spec": {"tier": "Edge", **source, **spec}}
        self.namespaces[f"fleet-{name}"] = {"metadata": mailbox(name)[0]["metadata"]}

    async def get(self, kind: Any, namespace: str, name: str) -> Body | None:
        if kind is NAMESPACE:
            return self.namespaces.get(name)
        assert kind is SECRET
        assert namespace == "hub"
        self.asked.append(name)
        found = self.secrets.get(name)
        if isinstance(found, Exception):
            raise found
        if found is None:
            return None
        return {"data": {"kubeconfig": base64.b64encode(found.encode()).decode()}}

    async def merge(self, kind: Any, namespace: str, name: str, change: Body) -> Body:
        assert kind is NAMESPACE
        metadata = self.namespaces[name]["metadata"]
        metadata["annotations"] = change["metadata"]["annotations"]
        return self.namespaces[name]

    async def sync(
        self,
        connect_hub: Any,
        connect_member: Any,
        mailbox_name: str,
        *,
        heartbeat_seconds: float,
        reached: Reached,
        looks: asyncio.Semaphore,
    ) -> None:
        cluster = mailbox_name.removeprefix("fleet-")
        assert cluster not in self.running, "one at a time"
        self.begun.append(cluster)
        self.looks.append(looks)
        if self.falls and self.begun.count(cluster) == 1:
            raise RuntimeError("a bug")
        self.running[cluster] = heartbeat_seconds, reached
        try:
            await asyncio.Event().wait()
        finally:
            del self.running[cluster]

    async def look(self) -> set[str]:
        """What is pushed after another look."""
        await self.pushes.look()
        await asyncio.sleep(0.05)
        return set(self.running)

    def told(self, cluster: str) -> tuple[str, str]:
        found = self.finding(cluster)
        return found.status.value, found.reason

    def finding(self, cluster: str) -> Finding:
        found = self.pushes.credentials(cluster)
        assert found is not None
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_only_clusters_that_ask_for_it_are_pushed_to(world: World) -> None:
    async def story() -> None:
        world.add("pulls")
        world.add("a", "push-a", heartbeat={"intervalSeconds": 7})
        world.secrets["push-a"] = kubeconfig()
        assert world.pushes.credentials("pulls") is None
        assert world.told("a") == ("Unknown", "KubeconfigNotRead")
        assert await world.look() == {"a"}
        assert world.running["a"][0] == 7.0
        assert world.told("a") == ("True", "KubeconfigHolds")
        assert world.asked == ["push-a"]
        noted = world.namespaces["fleet-a"]["metadata"]["annotations"]
        assert noted == {PUSHED_BY: "push-a/kubeconfig"}

        await world.look()
        assert world.begun == ["a"], "it goes on"
        await world.pushes.stop()
        assert world.running == {}

    asyncio.run(story())


def test_pods_are_looked_at_in_one_cluster_at_a_time(world: World) -> None:
    async def story() -> None:
        for name in ("a", "b"):
            world.add(name, "push")
        world.secrets["push"] = kubeconfig()
        assert await world.look() == {"a", "b"}
        one, other = world.looks
        assert one is other
        await one.acquire()
        assert one.locked()
        await world.pushes.stop()

    asyncio.run(story())


def test_another_kubeconfig_begins_anew_and_a_bad_one_ends_it(world: World) -> None:
    async def story() -> None:
        world.add("a", "push-a")
        world.secrets["push-a"] = kubeconfig()
        await world.look()
        world.secrets["push-a"] = kubeconfig("another")
        assert await world.look() == {"a"}
        assert world.begun == ["a", "a"]

        world.secrets["push-a"] = kubeconfig(exec={"command": "sh"})
        assert await world.look() == set()
        assert world.told("a") == ("False", "KubeconfigUnusable")
        assert "user.exec" in world.finding("a").message

        world.secrets["push-a"] = kubeconfig("another")
        assert await world.look() == {"a"}
        assert world.told("a") == ("True", "KubeconfigHolds")
        await world.pushes.stop()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("answer", "goes_on", "words"),
    [
        (None, False, "does not exist in the hub's namespace"),
        (ApiRefused(403, "Forbidden", "no"), False, "hub.pushSecrets"),
        (ApiUnavailable(503, "Down", "no"), True, ""),
        (ApiUnavailable(0, "Timeout", "no"), True, ""),
    ],
)
def test_a_secret_that_is_taken_back_ends_it_and_silence_of_the_own_server_does_not(
    world: World, answer: Exception | None, goes_on: bool, words: str
) -> None:
    async def story() -> None:
        world.add("a", "push-a")
        world.secrets["push-a"] = kubeconfig()
        await world.look()
        if answer is None:
            del world.secrets["push-a"]
        else:
            world.secrets["push-a"] = answer
        assert await world.look() == ({"a"} if goes_on else set())
        assert words in world.finding("a").message
        assert (world.told("a")[0] == "True") is goes_on
        await world.pushes.stop()

    asyncio.run(story())


def test_what_the_member_says_of_the_account_is_told(world: World) -> None:
    async def story() -> None:
        world.add("a", "push-a")
        world.secrets["push-a"] = kubeconfig()
        await world.look()
        _, reached = world.running["a"]
        reached(UNKNOWN_ACCOUNT)
        assert world.told("a") == ("False", "MemberRefuses")
        reached(ApiUnavailable(0, "Timeout", "silent"))
        assert world.told("a") == ("False", "MemberRefuses"), "silence says nothing of it"
        reached(None)
        assert world.told("a") == ("True", "KubeconfigHolds")
        await world.pushes.stop()

    asyncio.run(story())


def test_a_cluster_waits_for_its_mailbox_and_takes_nobody_elses(world: World) -> None:
    async def story() -> None:
        world.add("a", "push-a")
        world.secrets["push-a"] = kubeconfig()
        made = world.namespaces.pop("fleet-a")
        assert await world.look() == set()
        assert world.told("a") == ("Unknown", "KubeconfigNotRead")
        world.namespaces["fleet-a"] = {"metadata": {"name": "fleet-a"}}
        assert await world.look() == set()
        world.namespaces["fleet-a"] = made
        assert await world.look() == {"a"}
        await world.pushes.stop()

    asyncio.run(story())


@pytest.mark.parametrize("restarts", [False, True])
def test_a_cluster_that_is_deleted_is_reached_until_its_works_are_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch, restarts: bool
) -> None:
    async def story() -> None:
        world.add("a", "push-a")
        world.secrets["push-a"] = kubeconfig()
        world.works["fleet-a", "shop.vision"] = {}
        await world.look()
        pushing = world
        if restarts:
            await world.pushes.stop()
            pushing = World(monkeypatch)
            pushing.secrets, pushing.namespaces = world.secrets, world.namespaces
            pushing.works = world.works
            pushing.pushes._known.works.objects = world.works
        else:
            world.clusters.clear()
        assert await pushing.look() == {"a"}
        pushing.works.clear()
        assert await pushing.look() == set()
        await pushing.pushes.stop()

    asyncio.run(story())


def test_what_somebody_else_notes_on_a_namespace_is_not_followed(world: World) -> None:
    async def story() -> None:
        world.secrets["push-a"] = kubeconfig()
        world.works["fleet-a", "shop.vision"] = {}
        for labels in ({}, {CLUSTER: "b"}, {CLUSTER: "a", "app.kubernetes.io/managed-by": "me"}):
            metadata = {"labels": labels, "annotations": {PUSHED_BY: "push-a/kubeconfig"}}
            world.namespaces["fleet-a"] = {"metadata": metadata}
            assert await world.look() == set()
        assert world.asked == []

    asyncio.run(story())


def test_a_cluster_that_goes_back_to_an_agent_is_not_pushed_to(world: World) -> None:
    async def story() -> None:
        world.add("a", "push-a")
        world.secrets["push-a"] = kubeconfig()
        await world.look()
        world.clusters["", "a"]["spec"] = {"tier": "Edge"}
        world.clusters["", "a"]["metadata"]["generation"] += 1
        assert await world.look() == set()
        assert world.pushes.credentials("a") is None
        noted = world.namespaces["fleet-a"]["metadata"]["annotations"]
        assert noted == {PUSHED_BY: None}, "nor is it when it is deleted"

    asyncio.run(story())


def test_a_bug_with_one_cluster_is_one_of_that_cluster(world: World) -> None:
    async def story() -> None:
        world.falls = True
        for name in "ab":
            world.add(name, f"push-{name}")
            world.secrets[f"push-{name}"] = kubeconfig()
        assert await world.look() == {"a", "b"}
        assert sorted(world.begun) == ["a", "a", "b", "b"]
        await world.pushes.stop()

    asyncio.run(story())
