"""A mirror of the hub's own API server: it is taken up again after errors, and knows of outages."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import Kind
from triton_operator.controllers.mirror import Mirror

logger = logging.getLogger(__name__)
Body = dict[str, Any]

OUTAGE_SECONDS = 5.0
"""A stream that breaks is taken up again sooner than that, unless the API server does not answer.
"""


class Following(Mirror):
    """Follows one kind in all namespaces.

    `changed` as of a mirror; `resumed()` is called after an outage, before its changes. `synced` is
    set once the first listing is complete.
    """

    def __init__(
        self,
        server: ApiServer,
        connection: Connection,
        kind: Kind,
        changed: Callable[[Body | None, Body | None], None],
        *,
        field_selector: str = "",
        label_selector: str = "",
        resumed: Callable[[], None] = lambda: None,
        randomness: random.Random,
    ) -> None:
        super().__init__(
            kind,
            changed,
            turned=self._follow_turn,
            field_selector=field_selector,
            label_selector=label_selector,
            randomness=randomness,
        )
        self.synced = asyncio.Event()
        self._server = server
        self._connection = connection
        self._resumed = resumed
        self._broken_at: float | None = None
        self._clock = asyncio.get_running_loop().time
        self._problem = ""

    def outage_seconds(self) -> float:
        """Since when it is not followed; 0: it is."""
        return 0.0 if self._broken_at is None else self._clock() - self._broken_at

    async def run(self) -> None:
        """Follow, for ever."""
        while True:
            try:
                await self.follow(self._server, self._connection)
            except ApiError as error:
                self._break()
                self._complain(error)
                await self._rest()

    def _listing_came(self) -> None:
        if self.outage_seconds() > OUTAGE_SECONDS:
            self._resumed()
        self._broken_at = None

    def _follow_turn(self) -> None:
        if self.is_current:
            self._problem = ""
            self.synced.set()
        else:
            self._break()

    def _break(self) -> None:
        if self._broken_at is None:
            self._broken_at = self._clock()

    def _complain(self, error: ApiError) -> None:
        """Once for each problem: an outage brings the same one again and again."""
        problem = f"{error.status} {error.reason}"
        if problem == self._problem:
            return
        self._problem = problem
        logger.warning(
            "A kind cannot be followed; what is known of it stays.",
            extra={"kind": self.kind.kind, "error": str(error)},
        )
