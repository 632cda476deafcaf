"""Hears of every answer 403 in a watched namespace, before anybody acts on it.

One is no proof of anything: policies and quotas answer 403 too, and so does an API server that has
not loaded its rights yet. It is a reason to look.
"""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus

import aiohttp

from triton_operator.controllers.kinds import WATCHED
from triton_operator.controllers.namespaces import namespace_of
from triton_operator.controllers.watch_streams import Middleware

logger = logging.getLogger(__name__)
METADATA = "PartialObjectMetadata"
TWICE = 2
"""A request that is denied again after somebody has looked: all kinds may be listed, but this
request may not be made. It is told once, and tried for ever."""


class Denials:
    """By namespace: whether one was heard since the last `over`."""

    def __init__(self) -> None:
        self._heard: dict[str, asyncio.Event] = {}
        self._over: dict[str, asyncio.Event] = {}

    def listen(self, namespaces: Sequence[str]) -> None:
        """Hear of these namespaces from now on, and of no others."""
        self._heard = {name: asyncio.Event() for name in namespaces}
        self._over = {name: asyncio.Event() for name in namespaces}

    async def heard(self, namespace: str) -> None:
        """Wait for the first denial since the last `over`."""
        await self._heard[namespace].wait()

    def over(self, namespace: str) -> None:
        """The namespace can be read: requests that were held go out again."""
        self._heard[namespace].clear()
        self._over[namespace].set()

    def middleware(self) -> Middleware:
        """Listens to a session's requests; lists and watches of kopf are held while denied.

        Kopf would ask again every few seconds for ever, with a line in the log for each kind.
        """

        async def listen(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            response = await handler(request)
            namespace = namespace_of(request.url.path)
            times = 0
            while response.status == HTTPStatus.FORBIDDEN and namespace in self._heard:
                self._heard[namespace].set()
                if not _is_of_kopf(request):
                    break
                response.release()
                times += 1
                if times == TWICE:
                    logger.warning(
                        "A namespace can be listed, but not watched: its changes are not seen. "
                        "Compare this account's Role there with the chart's.",
                        extra={"namespace": namespace, "path": request.url.path},
                    )
                self._over[namespace].clear()
                await self._over[namespace].wait()
                response = await handler(request)
            return response

        return listen


def _is_of_kopf(request: aiohttp.ClientRequest) -> bool:
    """The operator itself watches nothing, and lists the metadata of what is watched."""
    collection = request.url.path.rpartition("/")[2]
    return (
        request.method == "GET"
        and METADATA not in request.headers.get("Accept", "")
        and any(kind.plural == collection for kind in WATCHED)
    )
