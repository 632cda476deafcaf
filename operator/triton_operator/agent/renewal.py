"""Asks the hub for another token of the agent's own account before the one in use ends.

The connection goes on with its token until the file has another one, wherever that came from; then
a new connection is made, which reads it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from pathlib import Path

from triton_operator.agent.link import Reconnect
from triton_operator.agent.token_store import NotKept, Store
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.fleet.agent_token import Life, life_of, token_in
from triton_operator.fleet.mailbox import AGENT

logger = logging.getLogger(__name__)
LOOK_SECONDS = 30.0
AGAIN_SECONDS = 600.0
"""Between two tries. A mounted Secret reaches its pods a minute or two after it was written; until
then the old token is there, and is no reason to ask again."""
LEAST_SECONDS = 600
"""Of a token's life: the API server grants no less."""


class Renewal:
    """`kubeconfig` is read again and again; `store` None: nothing is asked for, only looked at.

    `now` gives seconds since the epoch, `clock` seconds that never go back.
    """

    def __init__(
        self,
        kubeconfig: Path,
        mailbox: str,
        store: Store | None,
        *,
        now: Callable[[], float],
        clock: Callable[[], float],
        randomness: random.Random,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._kubeconfig = kubeconfig
        self._mailbox = mailbox
        self._store = store
        self._now = now
        self._clock = clock
        self._randomness = randomness
        self._look_seconds = look_seconds
        self._tried_at: float | None = None
        self._tried_with = ""
        self.life: Life | None = None
        """Of the token in use; None: it does not say, or the credentials are no token."""

    async def run(self, server: ApiServer) -> None:
        """Look after the token of this connection, for ever.

        Raises:
            Reconnect: the file has another one.
        """
        used = await self._read() or ""
        self.life = life_of(used)
        while True:
            there = await self._read()
            if there is not None and there != used:
                logger.info("The hub is reached with another token from now on.")
                raise Reconnect
            if self._is_due(used):
                await self._renew(server, used)
                continue
            await asyncio.sleep(self._look_seconds * self._randomness.uniform(0.8, 1.0))

    def _is_due(self, used: str) -> bool:
        if self._store is None or self.life is None or self._now() < self.life.renewed_at:
            return False
        if self._tried_at is None or self._tried_with != used:
            return True
        return self._clock() - self._tried_at >= AGAIN_SECONDS

    async def _renew(self, server: ApiServer, used: str) -> None:
        assert self._store is not None
        assert self.life is not None
        self._tried_at, self._tried_with = self._clock(), used
        seconds = max(LEAST_SECONDS, round(self.life.seconds))
        try:
            answer = await server.token(self._mailbox, AGENT, seconds)
            await self._store.keep(used, answer["status"]["token"])
        except (ApiError, NotKept) as error:
            logger.warning(
                "The token that leads to the hub is not renewed; it is tried again.",
                extra={
                    "error": str(error),
                    "left": round(self.life.expires_at - self._now()),
                    "after": AGAIN_SECONDS,
                },
            )
            return
        logger.info(
            "The token that leads to the hub is renewed.",
            extra={"until": answer["status"]["expirationTimestamp"]},
        )

    async def _read(self) -> str | None:
        """The token in the file; None: there is none, or it cannot be read just now."""
        try:
            text = await asyncio.to_thread(self._kubeconfig.read_text, encoding="utf-8")
        except (OSError, ValueError):
            return None
        return token_in(text)
