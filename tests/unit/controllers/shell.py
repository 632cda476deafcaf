"""The operator without its watches: real controller, writer, queue and store over a cluster."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from tests.still_autoscaler import StillAutoscaler
from tests.unit.controllers.clock import Clock, settle
from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.world import DEPLOYMENT, FETCH, NOW, pinned
from tests.unit.planning.building import DEFAULTS, node_object
from triton_operator.controllers.announcer import Announcer
from triton_operator.controllers.controller import Controller
from triton_operator.controllers.device_reader import DeviceReader
from triton_operator.controllers.event_reader import EventReader
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import BY_NAME
from triton_operator.controllers.queue import KeyQueue
from triton_operator.controllers.store import Store
from triton_operator.controllers.telemetry import QueueTimes
from triton_operator.controllers.writer import Writer
from triton_operator.manifests.companions import NO_COMPANIONS, Companions

FILETYPE = Key("InferenceService", "shop", "filetype")


class Shell:
    """One operator. Time stands still unless `clock` is advanced; `now` follows it."""

    def __init__(
        self, cluster: Cluster | None = None, companions: Companions = NO_COMPANIONS
    ) -> None:
        self.cluster = cluster or Cluster()
        self.clock = Clock()
        self.store = Store()
        self.times = QueueTimes()
        self.queue: KeyQueue[Key] = KeyQueue(
            clock=self.clock, call_later=self.clock.call_later, timings=self.times
        )
        self.writer = Writer(
            self.cluster,  # type: ignore[arg-type]  # has the methods that are used
            self.store,
            concern=lambda keys: self.controller.concern(keys),
        )
        self.autoscaler = StillAutoscaler(self.store, lambda keys: self.controller.concern(keys))
        self.controller = Controller(
            store=self.store,
            queue=self.queue,
            server=self.cluster,  # type: ignore[arg-type]
            writer=self.writer,
            announcer=Announcer(
                self.cluster,  # type: ignore[arg-type]
                "operator-0",
                clock=self.now,
                suffix=lambda: "suffix",
            ),
            events=EventReader(self.cluster, self.clock),  # type: ignore[arg-type]
            devices=DeviceReader(lambda keys: self.controller.concern(keys), self.clock),
            autoscaler=self.autoscaler,
            fetch=FETCH,
            defaults=DEFAULTS,
            companions=companions,
            now=self.now,
        )
        if not any(self.cluster.of_kind("Node")):
            self.cluster.put(node_object("cpu-1"))

    def now(self) -> float:
        return NOW + self.clock.now - 1000.0

    def watch(self) -> None:
        """The watches show everything that changed, and what is gone."""
        for kind in BY_NAME.values():
            for namespace, name in self.store.known(kind):
                if (kind.kind, namespace, name) not in self.cluster.objects:
                    self.writer.forget(kind.kind, namespace, name)
                    self.controller.concern(self.store.remove(kind, namespace, name))
        # Nodes first, as the pools that come of them concern every service.
        for (kind_name, _, _), body in sorted(
            self.cluster.objects.items(), key=lambda row: row[0][0] != "Node"
        ):
            self.controller.concern(self.store.put(BY_NAME[kind_name], body))

    async def run(self) -> list[str]:
        """Watch and reconcile until nothing is left to do now; the requests that it took."""
        self.cluster.requests.clear()
        async with self.workers():
            for _ in range(50):
                self.watch()
                self.clock.advance(0)
                await settle()
                if self.queue.idle and not self._unseen() and 0 not in self.clock.waits():
                    break
            else:
                raise AssertionError(f"never at rest: {self.cluster.requests}")
        return list(self.cluster.requests)

    @contextlib.asynccontextmanager
    async def workers(self, count: int = 2) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(self.controller.work()) for _ in range(count)]
        try:
            await settle()
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def status(self, name: str = "filetype") -> Body:
        status = self.cluster.objects["InferenceService", "shop", name].get("status")
        return status or {}

    def condition(self, type_: str, name: str = "filetype") -> str:
        """A condition as `Status Reason`."""
        for row in self.status(name).get("conditions", ()):
            if row["type"] == type_:
                return f"{row['status']} {row['reason']}"
        return "absent"

    def events(self) -> list[str]:
        return [f"{event['type']} {event['reason']}" for event in self.cluster.events]

    def _unseen(self) -> Iterable[str]:
        for (kind, namespace, name), body in self.cluster.objects.items():
            if kind in ("Node", "Event"):
                continue
            view = self.store.get(kind, namespace, name)
            if view is None or view.resource_version != body["metadata"]["resourceVersion"]:
                return [f"{kind}/{name}"]
        return []


def kinds(requests: list[str], verb: str = "apply") -> list[str]:
    """The kinds of the requests of a verb, in order."""
    return [line.split()[1].split("/")[0] for line in requests if line.startswith(verb)]


def served(shell: Shell) -> None:
    """Bring the pinned service to where its pods answer."""

    async def scenario() -> None:
        await shell.run()
        shell.cluster.roll_out(DEPLOYMENT)
        await shell.run()

    asyncio.run(scenario())


def serving_shell() -> Shell:
    """An operator whose one service serves."""
    shell = Shell(pinned())
    served(shell)
    assert shell.condition("Ready") == "True Serving"
    return shell
