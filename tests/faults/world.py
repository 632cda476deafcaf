"""One run: a cluster, an operator that is started again whenever it ends, and what happens to them.

    async with World.open(start, faults, seed) as world:
        world.apply(service("a", ...))
        await world.rest()

The operator is the real one, all of it, over HTTP; only time is made (see `virtual_time`).
"""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.faults import models
from tests.faults.fake.faults import Faults
from tests.faults.fake.garbage import GarbageCollector
from tests.faults.fake.history import Body, History
from tests.faults.fake.http import CLIENT_HEADER, Server
from tests.faults.fake.kinds import SERVED, Target
from tests.faults.fake.requests import APPLY, Requests
from tests.faults.fake.workloads import Replicas, Workloads
from tests.faults.virtual_time import now
from tests.unit.planning.building import DEFAULTS
from triton_operator.autoscaling.sources.metric_options import MetricOptions
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.denials import Denials
from triton_operator.controllers.kinds import BY_NAME
from triton_operator.controllers.operator import Operator
from triton_operator.controllers.operator_options import OperatorOptions
from triton_operator.controllers.watch_streams import WatchStreams
from triton_operator.manifests.fetching import FetchSettings

RESTART_SECONDS = 2.0
REST_SECONDS = 130.0
"""Longer than the longest backoff, shorter than a sweep."""
SWEEP_SECONDS = 600.0
LOOK_SECONDS = 30.0
"""Between looks at metrics, of which there are none here: each second would be most of the work."""
OPTIONS = OperatorOptions(
    fetch=FetchSettings(image="registry.example/triton-operator:1.0.0"),
    defaults=DEFAULTS,
    http_port=0,
    workers=4,
    sweep_seconds=SWEEP_SECONDS,
    metrics=MetricOptions(every_seconds=LOOK_SECONDS),
)


@dataclass(frozen=True)
class Snapshot:
    """A cluster at rest, from which any number of runs can start."""

    history: History = field(default_factory=History)
    replicas: Mapping[str, Replicas] = field(default_factory=dict)
    seconds: float = 0.0


class World:
    """See the module. `crashes` are the errors with which the operator ended by itself."""

    def __init__(
        self, start: Snapshot, faults: Faults, seed: int, socket: Path, options: OperatorOptions
    ) -> None:
        self.history = start.history.copy()
        self.faults = faults
        self.crashes: list[Exception] = []
        self.starts = 0
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._now = lambda: now() + start.seconds
        self._seconds = lambda: loop.time() - started + start.seconds
        GarbageCollector(self.history)
        self._workloads = Workloads(self.history, self._now, models.report, start.replicas)
        self._requests = Requests(self.history, self._now)
        self.server = Server(self.history, self._now, faults)
        self._socket = socket
        self._options = options
        self._seed = seed
        self._supervisor: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self.operator: Operator | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        start: Snapshot,
        faults: Faults | None = None,
        *,
        seed: int = 0,
        options: OperatorOptions = OPTIONS,
    ) -> AsyncIterator["World"]:
        """The operator starts with the world and is killed at its end."""
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            socket = Path(folder) / "socket"
            world = cls(start, faults or Faults(), seed, socket, options)
            async with world.server.listening(socket):
                world._supervisor = asyncio.create_task(world._supervise())
                try:
                    yield world
                finally:
                    world._supervisor.cancel()
                    await world._kill()

    # What people do.

    def apply(self, body: Body) -> Body:
        """A person's `kubectl apply --server-side`."""
        target = _target(body)
        answer = self._requests.handle(
            "PATCH", target, {"fieldManager": "kubectl", "force": "true"}, APPLY, body
        )
        assert answer.code < 400, answer
        return answer.body

    def edit(self, kind: str, name: str, spec: Mapping[str, Any], namespace: str = "shop") -> Body:
        """A person's merge patch of a spec."""
        target = Target(BY_NAME[kind], namespace if BY_NAME[kind].namespaced else "", name)
        return self._requests.merge(target, {"spec": dict(spec)}, "kubectl")

    def delete(self, kind: str, name: str, namespace: str = "shop") -> None:
        """A person's `kubectl delete`."""
        self.remove(Target(BY_NAME[kind], namespace if BY_NAME[kind].namespaced else "", name))

    def remove(self, target: Target) -> None:
        """Delete what a target names."""
        self._requests.delete(target, {})

    # What time does.

    async def rest(self, seconds: float = REST_SECONDS) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def until_ready(self) -> None:
        """Return when the operator has begun to work; at the latest after a rest."""
        await self.rest(10)

    def snapshot(self) -> Snapshot:
        """The cluster as it is now; at rest only, since timers are not in it."""
        return Snapshot(self.history.copy(), self._workloads.replicas, self._seconds())

    # What befalls the operator.

    def kill(self) -> None:
        """SIGKILL: nothing that it still does reaches the server; it is started again."""
        self.server.dead.add(self.starts)
        if self._running is not None:
            self._running.cancel()

    async def _supervise(self) -> None:
        while True:
            self.starts += 1
            self._running = asyncio.create_task(self._operate(self.starts))
            await asyncio.wait((self._running,))
            if not self._running.cancelled() and (error := self._running.exception()):
                assert isinstance(error, Exception)
                self.crashes.append(error)
            await asyncio.sleep(RESTART_SECONDS)

    async def _operate(self, number: int) -> None:
        streams, denials = WatchStreams(asyncio.get_running_loop().time), Denials()
        session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(self._socket), limit=0),
            headers={CLIENT_HEADER: str(number)},
            middlewares=(streams.middleware(), denials.middleware()),
        )
        connection = Connection("http://cluster", session, streams, denials)
        older = asyncio.all_tasks()
        randomness = random.Random(f"{self._seed} {number}")
        try:
            self.operator = Operator(
                self._options, connection, now=self._now, randomness=randomness
            )
            await self.operator.run(asyncio.Event())
        finally:
            # The end of the process.
            self.server.dead.add(number)
            await session.close()
            left = asyncio.all_tasks() - older
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=1)

    async def _kill(self) -> None:
        self.kill()
        if self._running is not None:
            await asyncio.wait((self._running,))


def _target(body: Body) -> Target:
    metadata = body["metadata"]
    (kind,) = [kind for kind in SERVED if kind.kind == body["kind"]]
    return Target(kind, metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])
