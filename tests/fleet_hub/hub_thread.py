"""A hub in a thread of its own, at a real API server, with a clock that tests move.

    with HubThread(kubeconfig, clock) as hub:
        hub.settle()        # everything that is due has been looked at
        hub.place()         # every service has been placed once more

Its periodic looks are off but for the first: what happens is due to an event, or to these calls.
"""

from __future__ import annotations

import asyncio
import copy
import random
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from e2e.harness.waiting import wait_until
from tests.fleet_hub.clock import Clock
from triton_operator.controllers.connection import connect
from triton_operator.fleet.connection import Connection
from triton_operator.hub.following import OUTAGE_SECONDS
from triton_operator.hub.options import HubOptions
from triton_operator.hub.process import Hub

T = TypeVar("T")
NEVER_SECONDS = 3600.0
TIMEOUT_SECONDS = 60.0
GOODBYE_SECONDS = 0.2


class HubThread:
    """One hub; it may be left and entered again, which is a restart."""

    def __init__(self, kubeconfig: Path, clock: Clock, **options: Any) -> None:
        usual = {
            "http_port": 0,
            "debounce_seconds": 0.02,
            "look_seconds": NEVER_SECONDS,
            "place_seconds": NEVER_SECONDS,
            "sweep_seconds": NEVER_SECONDS,
            "probe_seconds": NEVER_SECONDS,
            "profile_seconds": NEVER_SECONDS,
            "kinds_seconds": 0.0,
            "dns_domains": ("models.example",),
            "push_seconds": NEVER_SECONDS,
        }
        self._options = HubOptions(kubeconfig=kubeconfig, **{**usual, **options})
        self._clock = clock

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Return once it leads."""
        self._failure: BaseException | None = None
        self._hub: Hub | None = None
        self._thread = threading.Thread(target=self._run, name="hub")
        self._thread.start()
        wait_until("waiting for the hub to lead", self._is_up, timeout_seconds=TIMEOUT_SECONDS)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """As SIGTERM does; it has to end without an error."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(TIMEOUT_SECONDS)
        assert not self._thread.is_alive(), "the hub does not stop"
        if self._failure:
            raise self._failure

    def deafen(self) -> None:
        """Its watch of Leases says nothing any more, and seems to live."""
        dead = self.hub.known.leases
        asked = copy.copy(dead)
        asked.objects = dict(dead.objects)
        dead._changed = lambda before, after: None
        self.hub.known.leases = asked

    def await_outage(self) -> None:
        """Its API server has not answered for longer than a watch takes to be taken up again."""
        leases = self.hub.known.leases
        wait_until(
            "waiting for the outage to be noticed",
            lambda: leases.outage_seconds() > OUTAGE_SECONDS,
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def await_end_of_outage(self) -> None:
        """Everything is followed again."""
        known = self.hub.known
        wait_until(
            "waiting for the end of the outage",
            lambda: (
                not any(
                    one.outage_seconds()
                    for one in (known.clusters, known.works, known.services, known.leases)
                )
            ),
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def lose_services(self) -> None:
        """It believes that there are no services."""
        self._loop.call_soon_threadsafe(self.hub.known.services.objects.clear)

    @property
    def hub(self) -> Hub:
        """Of the last start."""
        assert self._hub
        return self._hub

    def settle(self) -> None:
        """Look at the silence of every cluster, and wait until nothing is left to do."""
        self._call(self._settle(self.hub.events.look))

    def place(self) -> None:
        """Place every service, and wait until nothing is left to do."""
        self._call(self._settle(self.hub.events.place_all))

    def sweep(self) -> None:
        """Look for works that nobody looks after, and wait until nothing is left to do."""
        self._call(self._settle(self.hub.events.sweep))

    def probe(self, times: int = 1) -> None:
        """Ask every endpoint so often, and wait until nothing is left to do."""
        for _ in range(times):
            self._call(self.hub.probes.look())
        self.settle()

    def read_profiles(self) -> None:
        """Look at every ClusterProfile, and wait until nothing is left to do."""
        self._call(self.hub.profiles.look())
        self.settle()

    def push(self) -> None:
        """Look at the kubeconfigs of clusters that it reaches itself."""
        self._call(self.hub.pushes.look())

    def connection(self, cluster: str) -> Connection:
        """As the hub knows it."""
        found = self.hub.contacts.get(cluster)
        assert found, f"the hub does not know {cluster}"
        return found

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # told by whoever waits
            self._failure = error

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        connection = await connect(self._options.kubeconfig, for_kopf=False)
        try:
            self._hub = Hub(
                self._options,
                connection,
                now=self._clock,
                clock=self._clock.steady,
                randomness=random.Random(1),
            )
            await self._hub.run(self._stop)
        finally:
            await connection.session.close()
            # TLS says goodbye after that, which nothing waits for.
            await asyncio.sleep(GOODBYE_SECONDS)

    def _is_up(self) -> bool:
        if self._failure:
            raise self._failure
        return self._hub is not None and self._hub.leads

    async def _settle(self, look: Callable[[], None]) -> None:
        look()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            quiet = 0
            # Delayed keys do not count as work: two looks, further apart than a delay.
            while quiet < 3:
                await asyncio.sleep(self._options.debounce_seconds)
                quiet = quiet + 1 if self.hub.idle else 0

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIMEOUT_SECONDS)
