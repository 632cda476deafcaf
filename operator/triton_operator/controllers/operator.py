"""The operator process: every part is made and joined here, and nowhere else."""

import asyncio
import contextlib
import logging
import random
import secrets
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import kopf
from aiohttp import web

from triton_operator.controllers.announcer import Announcer
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection, connect
from triton_operator.controllers.controller import Controller
from triton_operator.controllers.device_reader import DeviceReader
from triton_operator.controllers.endpoints import endpoints, serve
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.event_reader import EventReader
from triton_operator.controllers.health import Health
from triton_operator.controllers.keys import Key
from triton_operator.controllers.leadership import (
    REQUEST_SHARE,
    Election,
    LeaseOptions,
    Unopposed,
)
from triton_operator.controllers.optional_kinds import look_for_pod_monitors
from triton_operator.controllers.queue import KeyQueue, Priority
from triton_operator.controllers.resync import (
    drop_ghosts,
    wait_until_complete,
    wait_until_served,
)
from triton_operator.controllers.store import Store
from triton_operator.controllers.telemetry import OperatorCollector, QueueTimes
from triton_operator.controllers.traffic import Traffic
from triton_operator.controllers.trust_bundle import newest_bundle
from triton_operator.controllers.watching import watch_registry, watch_settings
from triton_operator.controllers.writer import Writer
from triton_operator.manifests.companions import NO_COMPANIONS, Companions
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.planning.pools import PoolDefaults

logger = logging.getLogger(__name__)
STOP_SECONDS = 10.0
"""How long a stop waits for reconciles that are under way."""


@dataclass(frozen=True)
class OperatorOptions:
    """How the operator runs. No namespaces: all of them. `http_port` 0: no endpoints.

    `ca_bundle_file` is where `fetch.ca_bundle` came from: every sweep reads it again.
    """

    fetch: FetchSettings
    defaults: PoolDefaults
    namespaces: Sequence[str] = ()
    kubeconfig: Path | None = None
    http_port: int = 8080
    workers: int = 16
    sweep_seconds: float = 600.0
    identity: str = "triton-operator"
    ca_bundle_file: Path | None = None
    companions: Companions = NO_COMPANIONS
    lease: LeaseOptions | None = None
    """None: this is the only operator, and it leads without asking."""


async def run_operator(options: OperatorOptions, stop: asyncio.Event) -> None:
    """Run until `stop` is set.

    Raises:
        Exception: a watch ended in a way that only a restart cures.
    """
    connection = await connect(options.kubeconfig)
    try:
        await operate(options, connection, stop)
    finally:
        await connection.session.close()


async def _served(server: ApiServer, namespaces: Sequence[str], stop: asyncio.Event) -> bool:
    """Wait for every kind to be served, or for a stop; whether it was the former."""
    serving = asyncio.ensure_future(wait_until_served(server, namespaces))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if serving.done():
        serving.result()
        return True
    serving.cancel()
    return False


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and SIGINT set `stop`, where this runs in the main thread."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, stop.set)


async def operate(
    options: OperatorOptions,
    connection: Connection,
    stop: asyncio.Event,
    *,
    now: Callable[[], float] = time.time,
    randomness: random.Random | None = None,
) -> None:
    """Run over a connection until `stop` is set; `now` gives seconds since the epoch.

    Raises:
        Exception: a watch ended in a way that only a restart cures.
    """
    loop = asyncio.get_running_loop()
    randomness = randomness or random.SystemRandom()
    store = Store()
    times = QueueTimes()
    queue: KeyQueue[Key] = KeyQueue(
        clock=loop.time,
        call_later=loop.call_later,
        jitter=lambda seconds: seconds * randomness.uniform(0.8, 1.2),
        timings=times,
        # The others are free for edits, whatever the cluster does meanwhile.
        background=max(1, options.workers // 4),
    )
    traffic = Traffic()
    election = _election(options, connection, traffic)
    server = ApiServer(connection, write_seconds=election.write_seconds, traffic=traffic)
    writer = Writer(server, store, concern=lambda keys: controller.concern(keys))
    devices = DeviceReader(lambda keys: controller.concern(keys), loop.time)
    controller = Controller(
        store=store,
        queue=queue,
        server=server,
        writer=writer,
        announcer=Announcer(
            server,
            options.identity,
            clock=now,
            suffix=lambda: f"{randomness.getrandbits(64):016x}",
        ),
        events=EventReader(server, loop.time),
        devices=devices,
        fetch=options.fetch,
        defaults=options.defaults,
        companions=options.companions,
        now=now,
    )

    def concern(keys: Iterable[Key], priority: Priority = Priority.USER) -> None:
        # A follower only remembers; when it takes over, it looks at everything.
        if election.acquired.is_set():
            controller.concern(keys, priority)

    complete = asyncio.Event()
    collector = OperatorCollector(
        queue=queue,
        times=times,
        controller=controller,
        writer=writer,
        store=store,
        streams=connection.streams,
        traffic=traffic,
        leads=lambda: election.leads,
    )
    health = Health(queue, connection.streams, traffic, complete.is_set)
    runner = await serve(endpoints(collector, health), options.http_port)
    try:
        if await _served(server, options.namespaces, stop):
            registry = watch_registry(store, connection, concern, writer.forget)
            # Strictly before kopf: on its way out, it cancels every task younger than itself.
            workers = [
                asyncio.create_task(_work(election, controller)) for _ in range(options.workers)
            ]
            sweeper = asyncio.create_task(
                _sweep(
                    options,
                    server,
                    store,
                    controller,
                    concern,
                    election,
                    complete,
                    randomness,
                )
            )
            electing = asyncio.create_task(_elect(election, controller, complete))
            losing = asyncio.create_task(connection.streams.until_gone())
            endless = (sweeper, electing, losing)
            await _watch(options, registry, stop, endless, workers, queue, election, runner)
    finally:
        await devices.close()
        await runner.cleanup()


def _election(
    options: OperatorOptions, connection: Connection, traffic: Traffic
) -> Election | Unopposed:
    if options.lease is None:
        return Unopposed()
    return Election(
        ApiServer(
            connection,
            timeout_seconds=options.lease.seconds * REQUEST_SHARE,
            traffic=traffic,
        ),
        options.lease,
        # The pod's name alone would be that of the container before a restart, too.
        identity=f"{options.identity}_{secrets.token_hex(4)}",
    )


async def _watch(
    options: OperatorOptions,
    registry: kopf.OperatorRegistry,
    stop: asyncio.Event,
    endless: Sequence[asyncio.Task[None]],
    workers: Sequence[asyncio.Task[None]],
    queue: KeyQueue[Key],
    election: Election | Unopposed,
    runner: web.AppRunner,
) -> None:
    """Run kopf until `stop`, or until kopf or an endless task ends with an error: it is raised."""
    kopf_stop = asyncio.Event()
    try:
        older = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=watch_settings(),
            # Kopf's own guess asks for the user's name, which a container's user id has not.
            identity=options.identity,  # type: ignore[arg-type]  # a str by another name
            clusterwide=not options.namespaces,
            namespaces=options.namespaces,
            stop_flag=kopf_stop,
        )
        # Kopf has just taken the signals for itself, and would close the session under the workers.
        stop_on_signals(stop)
        watching = asyncio.ensure_future(kopf.run_tasks(tasks, ignored=older))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((stopping, *tasks, *endless), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
    finally:
        # Finish what runs before kopf goes: it closes the session that the workers share with it.
        queue.close()
        await _finish(workers)
        # The Lease is renewed until then, and given back when nothing is written any more.
        for task in endless:
            task.cancel()
        await election.release()
        # Kopf would wait for the tasks of open connections, too.
        await runner.cleanup()
        kopf_stop.set()
    # After an error kopf may never end: a watch can miss that it is cancelled.
    await asyncio.wait((watching, *endless), timeout=STOP_SECONDS)
    watching.cancel()
    for task in (*tasks, *endless, *workers):
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise error


async def _finish(workers: Sequence[asyncio.Task[None]]) -> None:
    """Let workers end by themselves for a while, then end them, and wait for that."""
    _, late = await asyncio.wait(workers, timeout=STOP_SECONDS)
    for worker in late:
        worker.cancel()
    if late:
        await asyncio.wait(late)


async def _elect(
    election: Election | Unopposed, controller: Controller, complete: asyncio.Event
) -> None:
    # Who cannot list must not lead.
    await complete.wait()
    await election.run(controller.take_over)


async def _work(election: Election | Unopposed, controller: Controller) -> None:
    await election.acquired.wait()
    await controller.work()


async def _sweep(
    options: OperatorOptions,
    server: ApiServer,
    store: Store,
    controller: Controller,
    concern: Callable[[Iterable[Key]], None],
    election: Election | Unopposed,
    complete: asyncio.Event,
    randomness: random.Random,
) -> None:
    """Say when the store is complete; then correct it for ever, and as a leader sweep."""
    while not complete.is_set():
        try:
            await wait_until_complete(server, store, options.namespaces)
            controller.can_monitor(
                await look_for_pod_monitors(server, store, options.namespaces, concern)
            )
            complete.set()
        except ApiError as error:
            logger.warning("The cluster cannot be listed yet.", extra={"error": str(error)})
            await asyncio.sleep(2)
    logger.info("The first listing is complete.")
    while True:
        await asyncio.sleep(options.sweep_seconds * randomness.uniform(0.8, 1.2))
        try:
            await drop_ghosts(server, store, options.namespaces, concern)
            controller.can_monitor(
                await look_for_pod_monitors(server, store, options.namespaces, concern)
            )
        except ApiError as error:
            logger.warning("A sweep could not list.", extra={"error": str(error)})
            continue
        if options.ca_bundle_file:
            controller.trust(newest_bundle(options.ca_bundle_file, controller.ca_bundle))
        if election.acquired.is_set():
            controller.sweep()
