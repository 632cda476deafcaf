"""A request's body that leaves only while the process may write."""

from collections.abc import Callable

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from triton_operator.controllers.errors import api_error


class FencedBody(aiohttp.BytesPayload):
    """Asks `may_leave` in the very step that hands the bytes to the socket.

    A request waits between its first check and its bytes: for a connection, and for the task that
    writes the body. A process that is suspended in that time would, when it resumes, send every
    one of those before it sees that their time is over. aiohttp keeps the head of a request back
    until the body comes, so that of a body that may not leave the server sees nothing at all.
    """

    def __init__(self, content: bytes, may_leave: Callable[[], bool]) -> None:
        super().__init__(content)
        self._may_leave = may_leave

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write all of it.

        Raises:
            ApiUnavailable: it may not leave; nothing is written.
        """
        if not self._may_leave():
            raise api_error(0, "NotLeading", "this process no longer holds the Lease")
        await super().write_with_length(writer, content_length)
