"""Clusters that a hub pushes to: begun, replaced and ended as their Secrets say."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.unit.fleet.test_agent_token import jwt
from triton_operator.api.conditions import Finding
from triton_operator.api.inference_cluster import KubeConfigSource
from triton_operator.controllers.errors import ApiError, ApiRefused, ApiUnavailable
from triton_operator.controllers.kinds import NAMESPACE
from triton_operator.fleet.mailbox import CLUSTER, PUSHED_BY, mailbox
from triton_operator.fleet.member_kubeconfig import MemberKubeconfig, member_kubeconfig
from triton_operator.fleet.origin import ORIGIN
from triton_operator.hub import pushes as module
from triton_operator.hub.cluster_specs import ClusterSpecs
from triton_operator.hub.kinds import SECRET
from triton_operator.hub.pushes import Pushes

Body = dict[str, Any]
Reached = Callable[[ApiError | None], None]
HUB_ID = "0001"
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


def work(*, origin: str = HUB_ID, leaves: bool = True) -> Body:
    """What is in a mailbox."""
    found: Body = {"metadata": {"labels": {ORIGIN: origin}}}
    if leaves:
        found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return found


class World:
    """A hub's API server with Secrets and mailboxes, and what is pushed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clusters: dict[tuple[str, str], Body] = {}
        self.works: dict[tuple[str, str], Body] = {}
        self.secrets: dict[str, str | Exception] = {}
        self.namespaces: dict[str, Body] = {}
        self.asked: list[str] = []
        self.running: dict[str, tuple[float, Reached]] = {}
        self.carries: dict[str, Callable[[Body], bool] | None] = {}
        self.unwritable: Exception | None = None
        self.looked_at: list[str] = []
        self.begun: list[str] = []
        self.looks: list[asyncio.Semaphore] = []
        self.falls = False
        self.now = 1000.0
        self.not_renewed = ""
        self.renewing: list[tuple[str, str, str]] = []
        known = SimpleNamespace(
            clusters=SimpleNamespace(
                objects=self.clusters, get=lambda *place: self.clusters.get(place)
            ),
            works=SimpleNamespace(objects=self.works),
            is_ours=lambda work: work["metadata"]["labels"][ORIGIN] == HUB_ID,
            specs=ClusterSpecs(),
        )
        monkeypatch.setattr(module, "sync", self.sync)
        monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
        self.pushes = Pushes(
            server=self,  # type: ignore[arg-type]
            known=known,  # type: ignore[arg-type]
            namespace="hub",
            connect_hub=self.connect,
            renewals=Renewals(self),  # type: ignore[arg-type]
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
            self.looked_at.append(name)
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
        if self.unwritable is not None:
            raise self.unwritable
        annotations = self.namespaces[name]["metadata"].setdefault("annotations", {})
        for key, value in change["metadata"]["annotations"].items():
            if value is None:
                annotations.pop(key)
            else:
                annotations[key] = value
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
        carries: Callable[[Body], bool] | None,
    ) -> None:
        cluster = mailbox_name.removeprefix("fleet-")
        assert cluster not in self.running, "one at a time"
        self.begun.append(cluster)
        self.looks.append(looks)
        if self.falls and self.begun.count(cluster) == 1:
            raise RuntimeError("a bug")
        self.running[cluster] = heartbeat_seconds, reached
        self.carries[cluster] = carries
        try:
            await asyncio.Event().wait()
        finally:
            del self.running[cluster]

    async def look(self) -> set[str]:
        """What is pushed after another look."""
        await self.pushes.look()
        await asyncio.sleep(0.05)
        return set(self.running)

    def noted(self, cluster: str) -> Body:
        """The annotations of its mailbox."""
        found: Body = self.namespaces[f"fleet-{cluster}"]["metadata"].get("annotations") or {}
        return found

    def told(self, cluster: str) -> tuple[str, str]:
        found = self.finding(cluster)
        return found.status.value, found.reason

    def finding(self, cluster: str) -> Finding:
        found = self.pushes.credentials(cluster)
        assert found is not None
        return found


class Renewals:
    """What is asked of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: set[str] = set()

    def look(self, cluster: str, source: KubeConfigSource, kubeconfig: MemberKubeconfig) -> None:
        assert cluster in self._kept, "or it would be forgotten"
        self._world.renewing.append((cluster, source.secret_name, kubeconfig.token))

    def problem(self, cluster: str) -> str:
        return self._world.not_renewed

    def keep(self, clusters: set[str]) -> None:
        self._kept = clusters

    async def stop(self) -> None:
        self._kept = set()


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
        assert world.noted("a") == {PUSHED_BY: "push-a/kubeconfig"}

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


def test_the_token_of_each_that_is_reached_is_looked_after(world: World) -> None:
    async def story() -> None:
        token = jwt({"iat": 0, "exp": 1100})
        world.add("a", "push-a")
        world.add("b", "push-b")
        world.add("pulls")
        world.secrets["push-a"] = kubeconfig(token)
        for _ in range(2):
            await world.look()
        assert world.renewing == [("a", "push-a", token)]
        world.not_renewed = "the cluster does not want to"
        assert world.told("a") == ("False", "TokenNearItsEnd")
        assert "the cluster does not want to" in world.finding("a").message
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
        world.works["fleet-a", "shop.vision"] = work()
        await world.look()
        assert world.carries == {"a": None}, "all of it"
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
        carries = pushing.carries["a"]
        assert carries is not None
        assert [carries(one) for one in (work(), work(origin="x"), work(leaves=False))] == [
            *(True, False, False)
        ]
        pushing.works.clear()
        assert await pushing.look() == set()
        await pushing.pushes.stop()

    asyncio.run(story())


def test_what_somebody_else_notes_on_a_namespace_is_not_followed(world: World) -> None:
    async def story() -> None:
        world.secrets["push-a"] = kubeconfig()
        world.works["fleet-a", "shop.vision"] = work()
        for labels in ({}, {CLUSTER: "b"}, {CLUSTER: "a", "app.kubernetes.io/managed-by": "me"}):
            metadata = {"labels": labels, "annotations": {PUSHED_BY: "push-a/kubeconfig"}}
            world.namespaces["fleet-a"] = {"metadata": metadata}
            assert await world.look() == set()
        assert world.asked == []

    asyncio.run(story())


@pytest.mark.parametrize("left", [work(origin="another hub"), work(leaves=False)])
def test_only_its_own_works_that_go_are_carried_to_a_cluster_that_is_gone(
    world: World, left: Body
) -> None:
    """Whoever may annotate a namespace must not have the hub use a Secret that it may read."""

    async def story() -> None:
        world.secrets["push-a"] = kubeconfig()
        world.add("a")
        world.clusters.clear()
        world.namespaces["fleet-a"]["metadata"]["annotations"] = {PUSHED_BY: "push-a/kubeconfig"}
        world.works["fleet-a", "shop.vision"] = left
        assert await world.look() == set()
        assert world.asked == []

    asyncio.run(story())


def test_a_cluster_that_is_there_is_reached_as_it_says_and_not_as_its_mailbox_does(
    world: World,
) -> None:
    async def story() -> None:
        world.secrets |= {"push-a": kubeconfig(), "push-b": kubeconfig()}
        world.add("a", "push-a")
        world.add("pulls")
        world.add("later")
        for name in ("a", "pulls", "later"):
            world.works[f"fleet-{name}", "shop.vision"] = work()
            metadata = world.namespaces[f"fleet-{name}"]["metadata"]
            metadata["annotations"] = {PUSHED_BY: "push-b/kubeconfig"}
        later = world.clusters.pop(("", "later"))
        assert await world.look() == {"a", "later"}
        assert sorted(world.asked) == ["push-a", "push-b"]
        assert world.noted("a") == {PUSHED_BY: "push-a/kubeconfig"}
        later["spec"] = {"tier": "of another version"}
        world.clusters["", "later"] = later
        assert await world.look() == {"a"}, "its spec does not say, and the mailbox is not asked"
        await world.pushes.stop()

    asyncio.run(story())


@pytest.mark.parametrize("noted", ["push a/kubeconfig", "push-a/ /", "/", "push-a"])
def test_a_note_that_names_no_secret_is_of_no_harm_to_others(world: World, noted: str) -> None:
    async def story() -> None:
        world.secrets["push-b"] = kubeconfig()
        world.add("a")
        world.add("b", "push-b")
        del world.clusters["", "a"]
        world.namespaces["fleet-a"]["metadata"]["annotations"] = {PUSHED_BY: noted}
        world.works["fleet-a", "shop.vision"] = work()
        assert await world.look() == {"b"}
        await world.pushes.stop()

    asyncio.run(story())


@pytest.mark.parametrize("refusal", [ApiUnavailable(0, "Timeout", ""), ApiRefused(403, "No", "")])
def test_a_cluster_that_went_back_to_an_agent_while_nobody_looked_is_forgotten_in_the_end(
    world: World, refusal: Exception
) -> None:
    async def story() -> None:
        for name in "ab":
            world.add(name)
            annotations = {PUSHED_BY: "push-a/kubeconfig", "other": "stays"}
            world.namespaces[f"fleet-{name}"]["metadata"]["annotations"] = annotations
        world.unwritable = refusal
        await world.look()
        assert PUSHED_BY in world.noted("a")
        world.unwritable = None
        await world.look()
        assert (world.noted("a"), world.noted("b")) == ({"other": "stays"}, {"other": "stays"})

        world.looked_at.clear()
        await world.look()
        assert world.looked_at == [], "not of thousands of clusters, every 15 s"
        world.clusters["", "a"]["metadata"]["uid"] = "another one of the same name"
        await world.look()
        assert world.looked_at == ["fleet-a"]

    asyncio.run(story())


def test_a_secret_of_another_name_with_the_same_content_is_taken_up(world: World) -> None:
    async def story() -> None:
        world.add("a", "push-a")
        world.secrets |= {"push-a": kubeconfig(), "renamed": kubeconfig()}
        await world.look()
        source = world.clusters["", "a"]["spec"]["clusterSource"]["kubeConfig"]
        source["secretName"] = "renamed"
        world.clusters["", "a"]["metadata"]["generation"] += 1
        assert await world.look() == {"a"}
        assert world.told("a") == ("True", "KubeconfigHolds")
        assert "hub/renamed" in world.finding("a").message
        assert world.noted("a") == {PUSHED_BY: "renamed/kubeconfig"}
        await world.pushes.stop()

    asyncio.run(story())


def test_a_kubeconfig_over_which_the_hub_falls_is_refused_and_others_are_not(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def falls(text: str) -> Any:
        if "s3cret" in text:
            raise KeyError(text)
        return member_kubeconfig(text)

    monkeypatch.setattr(module, "member_kubeconfig", falls)

    async def story() -> None:
        for name in "ab":
            world.add(name, f"push-{name}")
            world.secrets[f"push-{name}"] = kubeconfig()
        assert await world.look() == {"a", "b"}
        world.secrets["push-a"] = kubeconfig("s3cret")
        assert await world.look() == {"b"}
        assert world.told("a") == ("False", "KubeconfigUnusable")
        assert "by a fault of its own (KeyError)" in world.finding("a").message
        await world.pushes.stop()

    asyncio.run(story())
    assert "s3cret" not in caplog.text


def test_a_cluster_that_goes_back_to_an_agent_is_not_pushed_to(world: World) -> None:
    async def story() -> None:
        world.add("a", "push-a")
        world.secrets["push-a"] = kubeconfig()
        await world.look()
        world.clusters["", "a"]["spec"] = {"tier": "Edge"}
        world.clusters["", "a"]["metadata"]["generation"] += 1
        assert await world.look() == set()
        assert world.pushes.credentials("a") is None
        assert world.noted("a") == {}, "nor is it when it is deleted"

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
