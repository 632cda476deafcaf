"""A watched namespace whose rights go is left alone, and served again when they are back.

That it cannot be read says nothing about what is in it: see docs/decisions/0011.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.denials import Denials
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import INFERENCE_SERVICE, NAMESPACED, OPTIONAL
from triton_operator.controllers.kopf_watches import KopfWatches
from triton_operator.controllers.namespaces import Namespaces
from triton_operator.controllers.queue import Priority
from triton_operator.controllers.readable import denied_kind
from triton_operator.controllers.resync import drop_ghosts, wait_until_complete
from triton_operator.controllers.store import Store
from triton_operator.controllers.sweep import Sweep
from triton_operator.controllers.watch_streams import WatchStreams
from triton_operator.controllers.watching import Concern

logger = logging.getLogger(__name__)
LOOK_SECONDS = 10.0
"""Between two looks at a namespace: a denial counts when it lasts that long, and a return is seen
after that time at the latest."""


@dataclass(frozen=True)
class NamespaceRights:
    """Keeps `namespaces` as the API server's answers want it. `forget` hears of objects dropped."""

    server: ApiServer
    store: Store
    namespaces: Namespaces
    denials: Denials
    streams: WatchStreams
    watches: KopfWatches
    sweep: Sweep
    concern: Concern
    forget: Callable[[str, str, str], None]

    async def run(self) -> None:
        """Look after every watched namespace, for ever.

        Raises:
            WatchHangs: kopf does not begin or end a watch; a restart does.
            HistoryWentBack: see `resync`.
        """
        await self.watches.begun()
        await asyncio.gather(*map(self._keep, self.namespaces.names))

    async def _keep(self, name: str) -> None:
        if not self.namespaces.serves(name):
            _log_loss(name)
        while True:
            if self.namespaces.serves(name):
                await self.denials.heard(name)
                if not await self._is_lost(name):
                    self.denials.over(name)
                    # Whatever policy denies one write will deny more of them.
                    await asyncio.sleep(LOOK_SECONDS)
                    continue
                _log_loss(name)
                await self._give_up(name)
            await self._until_readable(name)
            await self._take_up(name)

    async def _is_lost(self, name: str) -> bool:
        """Whether a listing is denied, now and some time later."""
        if await denied_kind(self.server, name) is None:
            return False
        await asyncio.sleep(LOOK_SECONDS)
        return await denied_kind(self.server, name) is not None

    async def _give_up(self, name: str) -> None:
        # First of all: a worker must not take what is not seen any more for what is there.
        self.namespaces.lose(name)
        self.streams.give_up(name)
        await self.watches.give_up(name)

    async def _until_readable(self, name: str) -> None:
        while True:
            await self._forget_if_gone(name)
            await asyncio.sleep(LOOK_SECONDS)
            if await denied_kind(self.server, name) is None:
                return

    async def _forget_if_gone(self, name: str) -> None:
        """Drop what the store has of a namespace that does not exist: nothing can be in it."""
        known = [
            (kind, place, uid)
            for kind in (*NAMESPACED, *OPTIONAL)
            for place, uid in self.store.known(kind).items()
            if place[0] == name
        ]
        try:
            if not known or await self.server.namespace_exists(name) is not False:
                return
        except ApiError:
            return  # asked again at the next look
        for kind, (_, object_name), uid in known:
            self.forget(kind.kind, name, object_name)
            self.concern(self.store.remove(kind, name, object_name, uid))
        logger.info(
            "The namespace is gone; what was in it is forgotten.",
            extra={"namespace": name, "count": len(known)},
        )

    async def _take_up(self, name: str) -> None:
        """Serve a namespace again, from the moment at which the store has all that is in it."""
        self.streams.take_up(name)
        self.denials.over(name)
        await self.watches.take_up(name)
        try:
            await wait_until_complete(self.server, self.store, (name,), NAMESPACED)
            await drop_ghosts(self.server, self.store, (name,), self.concern, NAMESPACED)
            await self.sweep.look_for_optional_kinds((*self.namespaces.served, name))
        except ApiError:
            await self._give_up(name)
            return
        self.namespaces.regain(name)
        logger.info("A watched namespace is served again.", extra={"namespace": name})
        services = self.store.known(INFERENCE_SERVICE)
        keys = [Key(INFERENCE_SERVICE.kind, *place) for place in services if place[0] == name]
        self.concern(keys, Priority.SWEEP)


def _log_loss(name: str) -> None:
    logger.warning(
        "A watched namespace cannot be read: was it deleted, or does this account lack its Role "
        "there? The others are served; this one will be once it can be read.",
        extra={"namespace": name},
    )
