"""A connection that is made anew whenever it fails, after a pause that grows.

A connection that a network cuts is not reset: requests on it hang, and so do those on others that
wait in the pool. So nothing of a connection that failed is used again, and the credentials are read
again too.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from triton_operator.controllers.connection import Connection, UnverifiedServer
from triton_operator.controllers.errors import ApiError, ApiTooMuch

logger = logging.getLogger(__name__)
Connector = Callable[[], Awaitable[Connection]]
Sleep = Callable[[float], Awaitable[object]]

CONNECT_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
PROVEN_SECONDS = 60.0
"""A connection that fails sooner, again and again, is no reason for short pauses."""


class Reconnect(Exception):
    """Nothing is wrong: another connection is to be made at once, with other credentials."""


class Link:
    """The way to one API server, `name`d for the log; `clock` gives seconds that never go back."""

    def __init__(
        self,
        name: str,
        connect: Connector,
        *,
        randomness: random.Random,
        clock: Callable[[], float],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._name = name
        self._connect = connect
        self._randomness = randomness
        self._clock = clock
        self._sleep = sleep
        self._connected_at = clock()
        self._pause = FIRST_PAUSE_SECONDS
        self.problem = ""
        """Why it failed last; empty once it was of use again."""

    async def keep(self, use: Callable[[Connection], Awaitable[None]]) -> None:
        """Connect and call `use`, for ever; it ends by an error."""
        while True:
            asked = 0.0
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    connection = await self._connect()
                self._connected_at = self._clock()
                try:
                    await use(connection)
                finally:
                    await connection.session.close()
            except Reconnect:
                continue
            except Exception as error:
                self._complain(error)
                if isinstance(error, ApiError):
                    asked = min(error.retry_after or 0.0, LONGEST_PAUSE_SECONDS)
            await self._sleep(max(asked, self._pause * self._randomness.uniform(0.5, 1.0)))
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def works(self) -> None:
        """It is of use; once it was for long enough, a later failure begins with short pauses."""
        if self.problem:
            logger.info("An API server answers again.", extra={"server": self._name})
        self.problem = ""
        if self._clock() - self._connected_at >= PROVEN_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS

    def _complain(self, error: Exception) -> None:
        """Once for each problem: an outage brings the same one again and again."""
        problem = repr(error)
        if isinstance(error, ApiError):
            problem = f"{error.status} {error.reason}" if error.status else "it does not answer"
        if isinstance(error, ApiTooMuch):
            problem = error.message
        if problem != self.problem:
            logger.warning(
                "An API server cannot be used; it is tried again, and nothing is changed.",
                extra={"server": self._name, "error": str(error) or repr(error)},
                exc_info=None if isinstance(error, ApiError | UnverifiedServer) else error,
            )
        self.problem = problem


async def together(*endless: Coroutine[Any, Any, None]) -> None:
    """Run them until one fails; then none runs any more, and its error is raised."""
    tasks = [asyncio.create_task(one) for one in endless]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
