"""Whether a member answers, asked by an agent that runs at the hub: on a connection of its own.

Inside of a member, that the agent lives is sign enough. At the hub it says nothing: what counts is
that the way there and the credentials are of use now, whatever became of a watch or a write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from triton_operator.agent.link import CONNECT_SECONDS, Connector
from triton_operator.agent.member import FIELD_MANAGER, REQUEST_SECONDS
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError, ApiRefused, ApiUnavailable
from triton_operator.controllers.kinds import NAMESPACE

ASKED_FOR = "kube-system"


class Reach:
    """`told(error)` is called after each question; None: it was answered. `clock` gives seconds
    that never go back."""

    def __init__(
        self,
        connect: Connector,
        told: Callable[[ApiError | None], None],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._connect = connect
        self._told = told
        self._clock = clock
        self._connection: Connection | None = None

    async def ask(self) -> float:
        """Ask it; how many seconds the answer took.

        Raises:
            ApiError: there was none, the member does not know this account, or what answered is no
                API server of a cluster.
        """
        try:
            connection = await self._connected()
            began = self._clock()
            await self._question(connection)
        except ApiError as error:
            # What a cut link swallowed hangs in the pool: nothing of it is used again.
            await self.close()
            self._told(error)
            raise
        self._told(None)
        return self._clock() - began

    async def close(self) -> None:
        """The next question is on a new connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.session.close()

    async def _connected(self) -> Connection:
        if self._connection is None:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    self._connection = await self._connect()
            except ApiError:
                raise
            except Exception as error:
                raise ApiUnavailable(0, type(error).__name__, str(error)) from error
        return self._connection

    async def _question(self, connection: Connection) -> None:
        server = ApiServer(
            connection,
            timeout_seconds=REQUEST_SECONDS,
            field_manager=FIELD_MANAGER,
            tells_limit=True,
        )
        try:
            found: Any = await server.get(NAMESPACE, "", ASKED_FOR, cached=True)
        except ApiRefused as error:
            # Who knows the account and gives it no rights is there. A proxy that lets nobody
            # through refuses as well, but not in the words of an API server.
            if error.status == HTTPStatus.FORBIDDEN and error.is_told:
                return
            raise
        except (ValueError, RecursionError) as error:
            raise ApiUnavailable(0, "Unreadable", "it answers no JSON") from error
        if not _is_asked_for(found):
            # Every cluster has it: whoever does not is something else at this address.
            raise ApiUnavailable(
                0, "NotAnApiServer", f"what answers does not know the namespace {ASKED_FOR}"
            )


def _is_asked_for(found: Any) -> bool:
    if not isinstance(found, dict) or found.get("kind") != NAMESPACE.kind:
        return False
    metadata = found.get("metadata")
    return isinstance(metadata, dict) and metadata.get("name") == ASKED_FOR
