"""A hub and a member that are both made up, in made-up time, and the agent between them.

    async with MadeFleet.open() as fleet:
        fleet.put_work("shop.vision")
        await fleet.rest()
        fleet.service()

The agent is the real one, all of it, over HTTP; either side can misbehave (`hub_weather`,
`member_weather`).
"""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.faults.fake.answers import Answer, Refusal
from tests.faults.fake.faults import Delivery, Faults, Incoming
from tests.faults.fake.history import Body, History
from tests.faults.fake.http import Server
from tests.faults.fake.kinds import Target
from tests.faults.fake.requests import APPLY, Requests
from tests.faults.virtual_time import now
from tests.fleet.works import HUB, work
from triton_operator.agent.sync import sync
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import INFERENCE_SERVICE, INFERENCE_WORK, LEASE
from triton_operator.fleet.mailbox import DELETED_BY

MAILBOX = "fleet-store-1"
NAMESPACE = "shop"
REST_SECONDS = 130.0
"""Longer than the longest pause between two tries."""
BEAT_SECONDS = 45.0
"""Hours pass in these tests, and each look takes its CPU."""


class Weather(Faults):
    """`silent`: nothing is answered, and no event arrives; `deaf`: no event does. `lists`,
    `writes` and `gets` give codes by kind; 200 is a body that is no list. `swallows`: what a
    silence began with, requests and watches, is never answered afterwards either. `delays` in
    seconds by kind.
    """

    def __init__(self) -> None:
        self.delays: dict[str, float] = {}
        self.deaf = False
        self.swallows = False
        self._dead: set[int] = set()
        self._end = asyncio.Event()
        self._heard = asyncio.Event()
        self._heard.set()
        self.lists: dict[str, int] = {}
        self.writes: dict[str, int] = {}
        self.gets: dict[str, int] = {}
        self.seen: list[Incoming] = []

    @property
    def silent(self) -> bool:
        """Whether the link is cut."""
        return not self._heard.is_set()

    @silent.setter
    def silent(self, cut: bool) -> None:
        if cut and self.swallows:
            self._dead |= {id(one) for one in self.seen if one.watch}
        self._heard.clear() if cut else self._heard.set()

    def end(self) -> None:
        """Whoever still waits for an answer gets one."""
        self.silent = False
        self._end.set()

    async def before(self, request: Incoming) -> Answer | None:
        self.seen.append(request)
        swallowed = self.silent and self.swallows
        # What was sent into a cut link arrives once the link is back, after its sender gave up.
        await self._heard.wait()
        if swallowed:
            await self._end.wait()
        kind = request.target.kind.kind
        await asyncio.sleep(self.delays.get(kind, 0))
        table = self.lists if request.lists else self.writes if request.writes else self.gets
        code = table.get(kind)
        if code == 200:
            return Answer(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}})
        if code == 401:
            return Refusal(401, "Unauthorized", "Unauthorized").answer
        return Refusal(code, f"an answer {code}").answer if code else None

    def deliveries(self, request: Incoming, event: dict[str, Any]) -> tuple[Delivery, ...]:
        lost = self.silent or self.deaf or id(request) in self._dead
        return () if lost else (Delivery(),)

    def of(self, method: str, kind: str) -> list[Incoming]:
        """Requests so far."""
        return [one for one in self.seen if one.method == method and one.target.kind.kind == kind]


class Side:
    """One API server."""

    def __init__(self, socket: Path) -> None:
        self.weather = Weather()
        self.socket = socket
        self.history = History()
        self.requests = Requests(self.history, now)
        self.server = Server(self.history, now, self.weather)
        # As every cluster has it.
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})

    def apply(self, body: Body) -> Body:
        """What somebody else writes."""
        target = _target(body)
        query = {"fieldManager": "somebody", "force": "true"}
        answer = self.requests.handle("PATCH", target, query, APPLY, body)
        assert answer.code < 400, answer
        return answer.body

    def merge(self, target: Target, change: Body) -> Body:
        """A merge patch of somebody else's."""
        return self.requests.merge(target, change, "somebody")

    def find(self, target: Target) -> Body | None:
        """The object, if it is there."""
        return self.history.objects.get((target.kind.kind, target.namespace, target.name))

    async def connect(self) -> Connection:
        """A connection of the agent's."""
        session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.socket), limit=0))
        return Connection("http://server", session)


class MadeFleet:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self.hub = Side(folder / "hub")
        self.member = Side(folder / "member")
        self.clock_offset = 0.0
        self.is_pushed = False
        self.reached: list[ApiError | None] = []
        """What the member answered, of an agent that runs at the hub."""
        self._agent: asyncio.Task[None] | None = None
        self._starts = 0
        for side, name in ((self.hub, MAILBOX), (self.member, NAMESPACE)):
            side.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, *, pushed: bool = False) -> AsyncIterator["MadeFleet"]:
        """Both servers listen, and the agent runs: in the member, or `pushed` at the hub."""
        with tempfile.TemporaryDirectory(prefix="fleet-") as name:
            fleet = cls(Path(name))
            fleet.is_pushed = pushed
            async with (
                fleet.hub.server.listening(fleet.hub.socket),
                fleet.member.server.listening(fleet.member.socket),
            ):
                fleet.start()
                try:
                    yield fleet
                finally:
                    await fleet.stop()
                    fleet.hub.weather.end()
                    fleet.member.weather.end()
                    await fleet.rest(2)

    def start(self) -> None:
        """A new process of the agent, which remembers nothing."""
        self._starts += 1
        self._agent = asyncio.create_task(
            sync(
                self.hub.connect,
                self.member.connect,
                MAILBOX,
                heartbeat_seconds=BEAT_SECONDS,
                look_seconds=BEAT_SECONDS,
                now=lambda: now() + self.clock_offset,
                randomness=random.Random(self._starts),
                reached=self.reached.append if self.is_pushed else None,
            )
        )

    async def stop(self) -> None:
        """The process ends, and did not end by itself."""
        assert self._agent is not None
        assert not self._agent.done(), self._agent
        self._agent.cancel()
        await asyncio.wait((self._agent,))

    async def restart(self) -> None:
        """It ends, and another one begins."""
        await self.stop()
        self.start()

    async def rest(self, seconds: float = REST_SECONDS) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    # The hub's part.

    def put_work(self, name: str = "shop.vision", **changes: Any) -> Body:
        """The hub writes a work."""
        return self.hub.apply(work(MAILBOX, name, **changes))

    def delete_work(
        self, name: str = "shop.vision", *, finalizer: bool = True, by_hub: bool = True
    ) -> None:
        """The hub deletes it, or somebody else; without `finalizer`, it is gone at once, as after a
        restore."""
        target = Target(INFERENCE_WORK, MAILBOX, name)
        if by_hub:
            self.hub.merge(target, {"metadata": {"annotations": {DELETED_BY: "1-2"}}})
        if not finalizer:
            self.hub.merge(target, {"metadata": {"finalizers": None}})
        self.hub.requests.delete(target, {})

    def free_work(self, name: str = "shop.vision") -> None:
        """The hub takes the finalizer off."""
        self.hub.merge(Target(INFERENCE_WORK, MAILBOX, name), {"metadata": {"finalizers": None}})

    def status(self, name: str = "shop.vision") -> Body:
        """What the agent told."""
        found = self.hub.find(Target(INFERENCE_WORK, MAILBOX, name))
        assert found is not None
        status: Body = found.get("status") or {}
        return status

    def condition(self, kind: str = "Applied", name: str = "shop.vision") -> tuple[str, str]:
        """Status and reason."""
        for row in self.status(name).get("conditions") or ():
            if row["type"] == kind:
                return row["status"], row["reason"]
        return "", ""

    def lease(self) -> Body:
        """The heartbeat."""
        found = self.hub.find(Target(LEASE, MAILBOX, "fleet-agent"))
        assert found is not None
        return found

    # The member's part.

    def service(self, name: str = "vision") -> Body | None:
        """The service in the member."""
        return self.member.find(Target(INFERENCE_SERVICE, NAMESPACE, name))

    def put_service(self, name: str = "vision", **metadata: Any) -> Body:
        """Somebody in the member makes one."""
        return self.member.apply(
            {
                "apiVersion": INFERENCE_SERVICE.api_version,
                "kind": INFERENCE_SERVICE.kind,
                "metadata": {"name": name, "namespace": NAMESPACE, **metadata},
                "spec": {"model": {"uri": "https://models.example/other.onnx"}},
            }
        )

    def annotate(self, key: str, value: str | None, name: str = "vision") -> None:
        """An administrator of the member annotates the service."""
        self.member.merge(
            Target(INFERENCE_SERVICE, NAMESPACE, name), {"metadata": {"annotations": {key: value}}}
        )


def _target(body: Body) -> Target:
    from tests.faults.fake.kinds import SERVED

    metadata = body["metadata"]
    kind = next(one for one in SERVED if one.kind == body["kind"])
    return Target(kind, metadata.get("namespace", ""), metadata["name"])


__all__ = ["HUB", "MAILBOX", "NAMESPACE", "REST_SECONDS", "MadeFleet"]
