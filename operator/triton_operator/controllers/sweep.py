"""The look at everything: once at the start until nothing is missing, then every few minutes."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.controller import Controller
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import OPTIONAL
from triton_operator.controllers.namespaces import Namespaces
from triton_operator.controllers.optional_kinds import look_for
from triton_operator.controllers.resync import Scopes, drop_ghosts, wait_until_complete
from triton_operator.controllers.store import Store
from triton_operator.controllers.trust_bundle import newest_bundle
from triton_operator.controllers.watching import Concern

logger = logging.getLogger(__name__)
FIRST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Sweep:
    """Corrects the store in every replica; in the one that `leads`, services are looked at, too.

    `complete` is set once the store has everything that the first listing had. `ca_bundle_file`:
    read again each time.
    """

    server: ApiServer
    store: Store
    namespaces: Namespaces
    controller: Controller
    concern: Concern
    leads: Callable[[], bool]
    every_seconds: float
    randomness: random.Random
    ca_bundle_file: Path | None = None
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Say when the store is complete; then correct it for ever, and as a leader sweep.

        Raises:
            HistoryWentBack: see `resync`.
        """
        await self._begin()
        while True:
            await asyncio.sleep(self.every_seconds * self.randomness.uniform(0.8, 1.2))
            await self._once()

    async def look_for_optional_kinds(self, scopes: Scopes) -> None:
        """Bring what exists of them there into the store, and say of which more can be made.

        Raises:
            ApiError: the API server does not answer.
        """
        self.controller.can_make(
            frozenset(
                [
                    kind.kind
                    for kind in OPTIONAL
                    if await look_for(kind, self.server, self.store, scopes, self.concern)
                ]
            )
        )

    async def _begin(self) -> None:
        while not self.complete.is_set():
            try:
                await wait_until_complete(self.server, self.store, self.namespaces.scopes)
                await self.look_for_optional_kinds(self.namespaces.scopes)
                self.complete.set()
            except ApiError as error:
                logger.warning("The cluster cannot be listed yet.", extra={"error": str(error)})
                await asyncio.sleep(FIRST_PAUSE_SECONDS)
        logger.info("The first listing is complete.")

    async def _once(self) -> None:
        try:
            await drop_ghosts(self.server, self.store, self.namespaces.scopes, self.concern)
            await self.look_for_optional_kinds(self.namespaces.scopes)
        except ApiError as error:
            logger.warning("A sweep could not list.", extra={"error": str(error)})
            return
        if self.ca_bundle_file:
            self.controller.trust(newest_bundle(self.ca_bundle_file, self.controller.ca_bundle))
        if self.leads():
            self.controller.sweep()
