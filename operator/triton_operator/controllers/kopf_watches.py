"""Kopf's tasks: begun, ended, and changed while they run.

Kopf watches in the namespaces of its `Insights`, and compares whenever those are revised: it does
so itself where it may list all namespaces of a cluster, a right that the operator does not want.
"""

import asyncio
from collections.abc import Collection, Sequence

import kopf
from kopf._cogs.structs.references import Insights, NamespaceName

from triton_operator.controllers.watching import watch_settings

HANGS_SECONDS = 60.0
"""Longer than kopf needs to end the watches of a namespace."""


class WatchHangs(Exception):
    """Kopf does not end a watch; see docs/decisions/0011."""


class KopfWatches:
    """One run of kopf. `namespaces`: where it watches at first; None: in the whole cluster."""

    def __init__(
        self, registry: kopf.OperatorRegistry, identity: str, namespaces: Sequence[str] | None
    ) -> None:
        self._registry = registry
        self._identity = identity
        self._namespaces = namespaces
        self.insights = Insights()
        self._stop = asyncio.Event()
        self._running: asyncio.Future[None] | None = None
        self.tasks: Collection[asyncio.Task[None]] = ()

    async def begin(self) -> None:
        """Start it. On its way out, it cancels every task that is younger than this moment."""
        older = asyncio.all_tasks()
        self.tasks = await kopf.spawn_tasks(
            registry=self._registry,
            settings=watch_settings(),
            insights=self.insights,
            # Kopf's own guess asks for the user's name, which a container's user id has not.
            identity=self._identity,  # type: ignore[arg-type]  # a str by another name
            clusterwide=self._namespaces is None,
            namespaces=self._namespaces or (),
            stop_flag=self._stop,
        )
        self._running = asyncio.ensure_future(kopf.run_tasks(self.tasks, ignored=older))

    async def begun(self) -> None:
        """Wait until it knows where to watch at first."""
        await self.insights.ready_namespaces.wait()

    async def take_up(self, namespace: str) -> None:
        """Watch in a namespace from now on, beginning with a list.

        Raises:
            WatchHangs: it is still busy with ending other watches.
        """
        await self._revise({namespace}, set())

    async def give_up(self, namespace: str) -> None:
        """End the watches in a namespace.

        Raises:
            WatchHangs: as `take_up`.
        """
        await self._revise(set(), {namespace})

    async def _revise(self, more: set[str], fewer: set[str]) -> None:
        try:
            async with asyncio.timeout(HANGS_SECONDS), self.insights.revised:
                self.insights.namespaces.update(map(NamespaceName, more))
                self.insights.namespaces.difference_update(map(NamespaceName, fewer))
                self.insights.revised.notify_all()
        except TimeoutError:
            raise WatchHangs(f"kopf has been ending watches for {HANGS_SECONDS:.0f} s") from None

    def stop(self) -> None:
        """Begin to end it."""
        self._stop.set()

    async def stopped(self, seconds: float) -> None:
        """Wait for its end, but not for ever: a watch can miss that it is cancelled."""
        if self._running is not None:
            await asyncio.wait((self._running,), timeout=seconds)
            self._running.cancel()
