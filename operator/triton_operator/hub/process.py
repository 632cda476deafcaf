"""The hub process: every part is made and joined here, and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from triton_operator.api.group import GROUP
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection, connect
from triton_operator.controllers.endpoints import endpoints, serve
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import INFERENCE_SERVICE, INFERENCE_WORK, LEASE, NAMESPACE
from triton_operator.controllers.leadership import election
from triton_operator.controllers.queue import KeyQueue, Priority, QueueClosed
from triton_operator.controllers.stopping import ends_before, finish
from triton_operator.controllers.traffic import Traffic
from triton_operator.fleet.mailbox import AGENT
from triton_operator.hub.clusters import Clusters
from triton_operator.hub.contacts import Contacts
from triton_operator.hub.events import Events
from triton_operator.hub.following import Following
from triton_operator.hub.health import HubHealth
from triton_operator.hub.kinds import INFERENCE_CLUSTER
from triton_operator.hub.known import Known
from triton_operator.hub.leaving import free_work
from triton_operator.hub.mailboxes import Mailboxes
from triton_operator.hub.options import HubOptions
from triton_operator.hub.placements import Placements
from triton_operator.hub.probes import Probes
from triton_operator.hub.profiles import Profiles
from triton_operator.hub.publications import Publications
from triton_operator.hub.push_renewals import PushRenewals
from triton_operator.hub.pushes import Pushes
from triton_operator.hub.served_kinds import ServedKinds
from triton_operator.hub.telemetry import HubCollector

logger = logging.getLogger(__name__)
FIELD_MANAGER = f"{GROUP}/hub"
RETRY_SECONDS = 2.0


async def run_hub(options: HubOptions, stop: asyncio.Event) -> None:
    """Run until `stop` is set.

    Raises:
        LeaseLost: another hub leads.
    """
    connection = await connect(options.kubeconfig, for_kopf=False)
    try:
        await Hub(options, connection).run(stop)
    finally:
        await connection.session.close()


class Hub:
    """One hub over a connection; `now` gives seconds since the epoch, and `clock` those that never
    step, by which it tells where `now` does."""

    def __init__(
        self,
        options: HubOptions,
        connection: Connection,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] | None = None,
        randomness: random.Random | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._randomness = randomness or random.SystemRandom()
        self._options = options
        self._now = now
        traffic = Traffic(loop.time)
        self._election = election(
            options.lease, options.identity, connection, traffic, FIELD_MANAGER
        )
        server = ApiServer(
            connection,
            write_seconds=self._election.write_seconds,
            traffic=traffic,
            field_manager=FIELD_MANAGER,
        )
        self._server = server
        self._queue: KeyQueue[Key] = KeyQueue(
            clock=loop.time,
            call_later=loop.call_later,
            jitter=lambda seconds: seconds * self._randomness.uniform(0.8, 1.2),
            cap_seconds=options.place_seconds,
        )
        self.contacts = Contacts(now, clock or loop.time)
        self.events: Events

        def mirror(kind: Any, changed: Any, **selectors: Any) -> Following:
            return Following(
                server, connection, kind, changed, randomness=self._randomness, **selectors
            )

        self.known = Known(
            hub_id="",
            clusters=mirror(INFERENCE_CLUSTER, lambda *both: self.events.cluster(*both)),
            works=mirror(INFERENCE_WORK, lambda *both: self.events.work(*both)),
            services=mirror(INFERENCE_SERVICE, lambda *both: self.events.service(*both)),
            leases=mirror(
                LEASE,
                lambda *both: self.events.lease(*both),
                field_selector=f"metadata.name={AGENT}",
                resumed=self.contacts.listen,
            ),
        )
        self.probes = Probes(self.known, lambda cluster: self.events.answers(cluster))
        kinds = ServedKinds(server, loop.time, options.kinds_seconds)
        self.profiles = Profiles(
            server, self.known, kinds, lambda cluster: self.events.profile(cluster)
        )
        self.pushes = Pushes(
            server=server,
            known=self.known,
            namespace=options.push_namespace,
            connect_hub=lambda: connect(options.kubeconfig, for_kopf=False),
            renewals=PushRenewals(server, options.push_namespace, now=now, clock=loop.time),
            now=now,
        )
        self.clusters = Clusters(
            server=server,
            known=self.known,
            contacts=self.contacts,
            mailboxes=Mailboxes(server, loop.time),
            probes=self.probes,
            profiles=self.profiles,
            credentials=self.pushes.credentials,
            now=now,
            moved=lambda cluster: self.events.moved(cluster),
        )
        self._placements = Placements(
            server=server,
            known=self.known,
            clusters=self.clusters,
            now=now,
            publications=Publications(server, self.known, kinds, loop.time, options.dns_domains),
            new_id=lambda: f"{int(now())}-{self._randomness.getrandbits(32):08x}",
        )
        self.events = Events(
            known=self.known,
            clusters=self.clusters,
            queue=self._queue,
            leads=self._election.acquired.is_set,
            debounce_seconds=options.debounce_seconds,
        )

        known = self.known
        self._mirrors = (known.clusters, known.works, known.services, known.leases)
        self.health = HubHealth(self._queue, self._mirrors)
        self.collector = HubCollector(
            known=known,
            contacts=self.contacts,
            queue=self._queue,
            traffic=traffic,
            leads=lambda: self.leads,
            now=now,
        )

    @property
    def leads(self) -> bool:
        """Whether it places."""
        return self._election.leads

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be looked at; what is delayed does not count."""
        return self._queue.idle

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set.

        Raises:
            LeaseLost: another hub leads.
        """
        runner = await serve(endpoints(self.collector, self.health), self._options.http_port)
        following = [asyncio.create_task(one.run()) for one in self._mirrors]
        try:
            if await ends_before(stop, self._begin(following)):
                await self._work(stop, following)
        finally:
            await runner.cleanup()
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)

    async def _begin(self, following: list[asyncio.Task[None]]) -> None:
        """Wait until everything is known that decisions are made from, or cannot be any more."""
        knowing = asyncio.ensure_future(self._know())
        try:
            done, _ = await asyncio.wait((knowing, *following), return_when=asyncio.FIRST_COMPLETED)
        finally:
            knowing.cancel()
        for task in done:
            task.result()

    async def _know(self) -> None:
        self.known.hub_id = await self._hub_id()
        for one in self._mirrors:
            await one.synced.wait()

    async def _hub_id(self) -> str:
        while True:
            try:
                found = await self._server.get(NAMESPACE, "", "kube-system")
                if found is not None:
                    return str(found["metadata"]["uid"])
                problem = "the namespace kube-system does not exist"
            except ApiError as error:
                problem = str(error)
            logger.warning(
                "The hub does not know its own id yet: the UID of the namespace kube-system.",
                extra={"error": problem},
            )
            await asyncio.sleep(RETRY_SECONDS)

    async def _work(self, stop: asyncio.Event, following: list[asyncio.Task[None]]) -> None:
        workers = [asyncio.create_task(self._worker()) for _ in range(self._options.workers)]
        options = self._options
        endless = [
            asyncio.create_task(self._election.run(self._take_over)),
            asyncio.create_task(self._every(self._options.look_seconds, self.events.look)),
            asyncio.create_task(self._every(self._options.place_seconds, self.events.place_all)),
            asyncio.create_task(self._every(self._options.sweep_seconds, self.events.sweep)),
            asyncio.create_task(self._again(options.probe_seconds, self.probes.look, "Endpoints")),
            asyncio.create_task(
                self._again(options.profile_seconds, self.profiles.look, "ClusterProfiles")
            ),
            asyncio.create_task(self._again(options.push_seconds, self.pushes.look, "Kubeconfigs")),
        ]
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait(
                (stopping, *endless, *following), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopping.cancel()
            self._queue.close()
            await finish(workers)
            for task in endless:
                task.cancel()
            await asyncio.gather(*endless, return_exceptions=True)
            await self.pushes.stop()
            await self._election.release()
        for task in (*endless, *following, *workers):
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    def _take_over(self) -> None:
        self._placements.forget_all()
        self.clusters.take_over()
        self.events.take_over()

    async def _every(self, seconds: float, call: Callable[[], None]) -> None:
        await self._election.acquired.wait()
        while True:
            await asyncio.sleep(seconds * self._randomness.uniform(0.9, 1.0))
            try:
                call()
            except Exception:
                logger.exception("A periodic look has failed with an error; the next one comes.")

    async def _again(self, seconds: float, look: Callable[[], Awaitable[None]], what: str) -> None:
        await self._election.acquired.wait()
        while True:
            try:
                await look()
            except Exception:
                logger.exception("A look has failed; it is repeated.", extra={"look": what})
            await asyncio.sleep(seconds * self._randomness.uniform(0.9, 1.0))

    async def _worker(self) -> None:
        await self._election.acquired.wait()
        while True:
            try:
                key = await self._queue.get()
            except QueueClosed:
                return
            try:
                await self._reconcile(key)
                self._queue.forget(key)
            except ApiError as error:
                seconds = self._queue.retry(key, at_least=error.retry_after or 0.0)
                logger.warning(
                    "A look has failed and is repeated.",
                    extra={"key": str(key), "error": str(error), "after": round(seconds, 1)},
                )
            except Exception:
                # A bug concerns one object; the others go on.
                logger.exception("A look has failed with an error.", extra={"key": str(key)})
                self._queue.retry(key, priority=Priority.SWEEP)
            finally:
                self._queue.done(key)

    async def _reconcile(self, key: Key) -> None:
        if key.kind == INFERENCE_CLUSTER.kind:
            await self.clusters.reconcile(key.name)
        elif key.kind == INFERENCE_SERVICE.kind:
            await self._placements.reconcile(key)
        else:
            work = self.known.works.get(key.namespace, key.name)
            if work is not None and self.known.is_ours(work):
                await free_work(self._server, work)
