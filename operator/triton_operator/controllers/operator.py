"""The operator process: every part is made and joined here, and nowhere else."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable

from aiohttp import web

from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.autoscaling.sources.batch_reader import BatchReader
from triton_operator.autoscaling.sources.metric_options import metric_source
from triton_operator.autoscaling.sources.pod_requests import PodRequests
from triton_operator.controllers.announcer import Announcer
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.autoscaler import Autoscaler
from triton_operator.controllers.connection import Connection, connect
from triton_operator.controllers.controller import Controller
from triton_operator.controllers.device_reader import DeviceReader
from triton_operator.controllers.endpoints import endpoints, serve
from triton_operator.controllers.event_reader import EventReader
from triton_operator.controllers.health import Health
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kopf_watches import KopfWatches
from triton_operator.controllers.leadership import election
from triton_operator.controllers.namespace_rights import NamespaceRights
from triton_operator.controllers.namespaces import Namespaces
from triton_operator.controllers.operator_options import OperatorOptions
from triton_operator.controllers.queue import KeyQueue, Priority
from triton_operator.controllers.readable import wait_until_readable
from triton_operator.controllers.stopping import (
    STOP_SECONDS,
    ends_before,
    finish,
    stop_on_signals,
)
from triton_operator.controllers.store import Store
from triton_operator.controllers.sweep import Sweep
from triton_operator.controllers.telemetry import OperatorCollector, QueueTimes
from triton_operator.controllers.traffic import Traffic
from triton_operator.controllers.watching import watch_registry
from triton_operator.controllers.writer import Writer


async def run_operator(options: OperatorOptions, stop: asyncio.Event) -> None:
    """Run until `stop` is set.

    Raises:
        Exception: a watch ended in a way that only a restart cures.
    """
    connection = await connect(options.kubeconfig)
    try:
        await Operator(options, connection).run(stop)
    finally:
        await connection.session.close()


class Operator:
    """One operator over a connection; `now` gives seconds since the epoch."""

    def __init__(
        self,
        options: OperatorOptions,
        connection: Connection,
        *,
        now: Callable[[], float] = time.time,
        randomness: random.Random | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        randomness = randomness or random.SystemRandom()
        self._options = options
        self._connection = connection
        self._store = Store()
        self.namespaces = Namespaces(options.namespaces)
        connection.denials.listen(options.namespaces)
        times = QueueTimes()
        self._queue: KeyQueue[Key] = KeyQueue(
            clock=loop.time,
            call_later=loop.call_later,
            jitter=lambda seconds: seconds * randomness.uniform(0.8, 1.2),
            timings=times,
            # The others are free for edits, whatever the cluster does meanwhile.
            background=max(1, options.workers // 4),
        )
        traffic = Traffic(loop.time)
        self._election = election(options.lease, options.identity, connection, traffic)
        self._server = ApiServer(
            connection, write_seconds=self._election.write_seconds, traffic=traffic
        )
        self._writer = Writer(
            self._server, self._store, concern=lambda keys: self._controller.concern(keys)
        )
        self._pod_requests = PodRequests()
        self._decisions = DecisionLog()
        self._autoscaler = Autoscaler(
            store=self._store,
            source=metric_source(options.metrics, self._pod_requests, now),
            batches=BatchReader(self._pod_requests, now),
            concern=lambda keys: self._controller.concern(keys),
            now=now,
            randomness=randomness,
            log=self._decisions,
            every_seconds=options.metrics.every_seconds,
        )
        self._devices = DeviceReader(lambda keys: self._controller.concern(keys), loop.time)
        self._controller = Controller(
            store=self._store,
            queue=self._queue,
            server=self._server,
            writer=self._writer,
            announcer=Announcer(
                self._server,
                options.identity,
                clock=now,
                suffix=lambda: f"{randomness.getrandbits(64):016x}",
            ),
            events=EventReader(self._server, loop.time),
            devices=self._devices,
            autoscaler=self._autoscaler,
            fetch=options.fetch,
            defaults=options.defaults,
            companions=options.companions,
            now=now,
            serves=self.namespaces.serves,
        )
        self._sweep = Sweep(
            server=self._server,
            store=self._store,
            namespaces=self.namespaces,
            controller=self._controller,
            concern=self._concern,
            leads=self._election.acquired.is_set,
            every_seconds=options.sweep_seconds,
            randomness=randomness,
            ca_bundle_file=options.ca_bundle_file,
        )
        self.collector = OperatorCollector(
            queue=self._queue,
            times=times,
            controller=self._controller,
            autoscaler=self._autoscaler,
            writer=self._writer,
            store=self._store,
            streams=connection.streams,
            traffic=traffic,
            namespaces=self.namespaces,
            leads=lambda: self._election.leads,
        )
        self.health = Health(
            self._queue,
            connection.streams,
            traffic,
            self.namespaces,
            self._sweep.complete.is_set,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set.

        Raises:
            Exception: a watch ended in a way that only a restart cures.
        """
        application = endpoints(self.collector, self.health, self._decisions)
        runner = await serve(application, self._options.http_port)
        try:
            if await ends_before(stop, self._read()):
                await self._work(stop, runner)
        finally:
            await self._devices.close()
            await self._autoscaler.close()
            self._controller.close()
            await self._pod_requests.close()
            await runner.cleanup()

    async def _read(self) -> None:
        """Wait until there is something to watch; what cannot be read yet begins as lost."""
        readable = await wait_until_readable(self._server, self.namespaces.names)
        for name in self.namespaces.names:
            if name not in readable:
                self.namespaces.lose(name)

    async def _work(self, stop: asyncio.Event, runner: web.AppRunner) -> None:
        """Run kopf until `stop`, or until it or an endless task ends; an error is raised."""
        connection, namespaces = self._connection, self.namespaces
        registry = watch_registry(self._store, connection, self._concern, self._writer.forget)
        watches = KopfWatches(
            registry, self._options.identity, namespaces.served if namespaces.names else None
        )
        # Strictly before kopf: on its way out, it cancels every task younger than itself.
        workers = [asyncio.create_task(self._worker()) for _ in range(self._options.workers)]
        endless = [
            asyncio.create_task(self._sweep.run()),
            asyncio.create_task(self._elect()),
            asyncio.create_task(self._scale()),
            asyncio.create_task(connection.streams.until_gone()),
        ]
        if namespaces.names:
            rights = NamespaceRights(
                server=self._server,
                store=self._store,
                namespaces=namespaces,
                denials=connection.denials,
                streams=connection.streams,
                watches=watches,
                sweep=self._sweep,
                concern=self._concern,
                forget=self._writer.forget,
            )
            endless.append(asyncio.create_task(rights.run()))
        try:
            await watches.begin()
            # Kopf has just taken the signals for itself, and would close the session under the
            # workers.
            stop_on_signals(stop)
            stopping = asyncio.ensure_future(stop.wait())
            await asyncio.wait(
                (stopping, *watches.tasks, *endless), return_when=asyncio.FIRST_COMPLETED
            )
            stopping.cancel()
        finally:
            # Finish what runs before kopf goes: it closes the session that the workers share.
            self._queue.close()
            await finish(workers)
            # The Lease is renewed until then, and given back when nothing is written any more.
            for task in endless:
                task.cancel()
            await self._election.release()
            # Kopf would wait for the tasks of open connections, too.
            await runner.cleanup()
            watches.stop()
        await watches.stopped(STOP_SECONDS)
        await asyncio.wait(endless, timeout=STOP_SECONDS)
        for task in (*watches.tasks, *endless, *workers):
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    async def _worker(self) -> None:
        await self._election.acquired.wait()
        await self._controller.work()

    async def _scale(self) -> None:
        await self._election.acquired.wait()
        await self._autoscaler.run()

    async def _elect(self) -> None:
        # Who cannot list must not lead.
        await self._sweep.complete.wait()
        await self._election.run(self._controller.take_over)

    def _concern(self, keys: Iterable[Key], priority: Priority = Priority.USER) -> None:
        # A follower only remembers; when it takes over, it looks at everything.
        if self._election.acquired.is_set():
            self._controller.concern(keys, priority)
