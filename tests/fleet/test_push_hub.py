"""A hub that pushes to two clusters, in made-up time: what one of them does is nothing to the
other."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.fake.kinds import Target
from tests.faults.virtual_time import now, run
from tests.fleet.made_fleet import MAILBOX, NAMESPACE, MadeFleet, Side
from tests.fleet.works import HUB, work
from tests.unit.hub.test_pushes import kubeconfig
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.kinds import INFERENCE_SERVICE, INFERENCE_WORK, LEASE
from triton_operator.fleet.mailbox import mailbox
from triton_operator.fleet.member_kubeconfig import MemberKubeconfig
from triton_operator.fleet.origin import ORIGIN
from triton_operator.hub import pushes as module
from triton_operator.hub.cluster_specs import ClusterSpecs
from triton_operator.hub.kinds import SECRET
from triton_operator.hub.push_renewals import PushRenewals
from triton_operator.hub.pushes import Pushes

OTHER = "fleet-store-2"
Body = dict[str, Any]


class Hub:
    """The hub's own API server as far as Secrets and namespaces, and its pushes; the member of
    `store-1` is the made fleet's, and so is the one of `store-2` with `OTHER` as its mailbox."""

    def __init__(self, fleet: MadeFleet, other: Side) -> None:
        self.fleet, self.other = fleet, other
        self.secrets = {f"push-{number}": kubeconfig(f"token-{number}") for number in (1, 2)}
        self.connections: list[str] = []
        clusters: dict[tuple[str, str], Body] = {}
        self.clusters = clusters
        self.works: dict[tuple[str, str], Body] = {}
        for number in (1, 2):
            source = {"kubeConfig": {"secretName": f"push-{number}"}}
            spec = {"tier": "Edge", "clusterSource": source}
            spec["heartbeat"] = {"intervalSeconds": 20}
            metadata = {"name": f"store-{number}", "uid": str(number), "generation": 1}
            clusters["", f"store-{number}"] = {"metadata": metadata, "spec": spec}
        known = SimpleNamespace(
            clusters=SimpleNamespace(objects=clusters, get=lambda *place: clusters.get(place)),
            works=SimpleNamespace(objects=self.works),
            is_ours=lambda work: work["metadata"]["labels"][ORIGIN] == HUB,
            specs=ClusterSpecs(),
        )
        self.pushes = Pushes(
            server=self,  # type: ignore[arg-type]
            known=known,  # type: ignore[arg-type]
            namespace="hub",
            connect_hub=fleet.hub.connect,
            renewals=PushRenewals(
                self,  # type: ignore[arg-type]
                "hub",
                now=now,
                clock=now,
                connect=self.connect,
            ),
            now=now,
        )

    async def get(self, kind: Any, namespace: str, name: str) -> Body | None:
        if kind is SECRET:
            text = self.secrets[name].encode()
            return {"data": {"kubeconfig": base64.b64encode(text).decode()}}
        return {"metadata": mailbox(name.removeprefix("fleet-"))[0]["metadata"]}

    async def merge(self, *arguments: Any) -> Body:
        return {}

    async def connect(self, found: MemberKubeconfig) -> Connection:
        """To the one or the other, by the token."""
        self.connections.append(found.token)
        side = self.fleet.member if found.token.startswith("token-1") else self.other
        return await side.connect()

    def most(self, side: Side) -> int | None:
        """The ceiling in a member."""
        service = side.find(Target(INFERENCE_SERVICE, NAMESPACE, "vision"))
        return None if service is None else int(service["spec"]["scaling"]["maxReplicas"])

    def beat(self, mailbox_name: str) -> str:
        lease = self.fleet.hub.find(Target(LEASE, mailbox_name, "fleet-agent"))
        return "" if lease is None else str(lease["spec"]["renewTime"])

    def put_works(self, revision: int, most: int) -> None:
        for name in (MAILBOX, OTHER):
            self.fleet.hub.apply(work(name, revision=revision, most=most, namespace=NAMESPACE))


def play(
    monkeypatch: pytest.MonkeyPatch, story: Callable[[MadeFleet, Hub], Awaitable[None]]
) -> None:
    async def scene() -> None:
        async with MadeFleet.open() as fleet:
            await fleet.stop()
            other = Side(fleet.member.socket.with_name("other"))
            for side, name in ((fleet.hub, OTHER), (other, NAMESPACE)):
                side.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            hub = Hub(fleet, other)
            monkeypatch.setattr(module, "connect_to_member", hub.connect)
            async with other.server.listening(other.socket):
                await hub.pushes.look()
                try:
                    await story(fleet, hub)
                finally:
                    other.weather.end()
                    fleet.member.weather.end()
                    await hub.pushes.stop()
                    await fleet.rest(2)
            fleet.start()

    run(scene())


def test_both_get_their_works_and_are_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(fleet: MadeFleet, hub: Hub) -> None:
        hub.put_works(1, 4)
        await fleet.rest(30)
        assert (hub.most(fleet.member), hub.most(hub.other)) == (4, 4)
        assert hub.beat(MAILBOX)
        assert hub.beat(OTHER)
        for name in (MAILBOX, OTHER):
            found = fleet.hub.find(Target(INFERENCE_WORK, name, "shop.vision"))
            assert found is not None
            assert found["status"]["appliedRevision"] == 1

    play(monkeypatch, story)


@pytest.mark.parametrize("swallows", [False, True])
def test_one_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch, swallows: bool) -> None:
    async def story(fleet: MadeFleet, hub: Hub) -> None:
        hub.put_works(1, 4)
        await fleet.rest(30)
        hub.other.weather.swallows = swallows
        hub.other.weather.silent = True
        await fleet.rest(30)
        dead = hub.beat(OTHER)
        for revision in range(2, 12):
            hub.put_works(revision, revision + 3)
            alive = hub.beat(MAILBOX)
            await fleet.rest(21)
            await hub.pushes.look()
            assert hub.most(fleet.member) == revision + 3, "within seconds"
            assert hub.beat(MAILBOX) > alive
        assert hub.most(hub.other) == 4
        assert hub.beat(OTHER) == dead

        hub.other.weather.silent = False
        await fleet.rest()
        assert hub.most(hub.other) == 14
        assert hub.beat(OTHER) > dead

    play(monkeypatch, story)


def test_another_kubeconfig_is_used_from_the_next_look_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(fleet: MadeFleet, hub: Hub) -> None:
        hub.put_works(1, 4)
        await fleet.rest(30)
        hub.secrets["push-1"] = kubeconfig("token-1-new")
        hub.connections.clear()
        await hub.pushes.look()
        hub.put_works(2, 7)
        await fleet.rest(30)
        assert set(hub.connections) == {"token-1-new"}, "the other one goes on"
        assert (hub.most(fleet.member), hub.most(hub.other)) == (7, 7)

    play(monkeypatch, story)


def test_of_a_cluster_that_is_gone_nothing_is_carried_but_what_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(fleet: MadeFleet, hub: Hub) -> None:
        def put(name: str, revision: int, most: int) -> None:
            fleet.put_work(f"shop.{name}", revision=revision, most=most, target=name)

        def most(name: str) -> int | None:
            service = fleet.service(name)
            return None if service is None else int(service["spec"]["scaling"]["maxReplicas"])

        for name in ("vision", "audio", "text"):
            put(name, 1, 4)
        await fleet.rest(30)
        assert [most(name) for name in ("vision", "audio", "text")] == [4, 4, 4]

        fleet.delete_work("shop.vision")
        del hub.clusters["", "store-1"]
        leaving = fleet.hub.find(Target(INFERENCE_WORK, MAILBOX, "shop.vision"))
        assert leaving is not None
        hub.works[MAILBOX, "shop.vision"] = leaving
        await hub.pushes.look()
        put("audio", 2, 9)
        put("new", 1, 1)
        fleet.delete_work("shop.text", finalizer=False)
        await fleet.rest(2 * 3600)
        assert fleet.condition() == ("False", "Deleted")
        assert [most(name) for name in ("vision", "audio", "text", "new")] == [None, 4, 4, None]

    play(monkeypatch, story)
