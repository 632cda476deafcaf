"""When each watch stream was last heard: an event, a bookmark, or a connection taken up again.

Kopf reconnects a stream that is silent for 70 s, so one that lives is heard more often than that.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any

import aiohttp

from triton_operator.controllers.kinds import WATCHED, Kind
from triton_operator.controllers.namespaces import namespace_of

Middleware = Callable[
    [aiohttp.ClientRequest, aiohttp.ClientHandlerType], Awaitable[aiohttp.ClientResponse]
]


class KindGone(Exception):
    """A watched kind is not served any more."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"{kind.kind} is not served any more: was the CustomResourceDefinition "
            f"{kind.plural}.{kind.group} deleted? Create it again; until then, the operator waits "
            "after its restart"
        )


class WatchStreams:
    """Streams by their path. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[str, float] = {}
        self._given_up: set[str] = set()
        self._gone: Kind | None = None
        self._is_gone = asyncio.Event()

    def heard(self, path: str) -> None:
        """Something came from the API server on this stream."""
        if namespace_of(path) not in self._given_up:
            self._heard[path] = self._clock()

    def give_up(self, namespace: str) -> None:
        """Nobody listens in a namespace any more: its streams have no age."""
        self._given_up.add(namespace)
        for path in [path for path in self._heard if namespace_of(path) == namespace]:
            del self._heard[path]

    def take_up(self, namespace: str) -> None:
        """Streams of a namespace that was given up count again."""
        self._given_up.discard(namespace)

    async def until_gone(self) -> None:
        """Wait until a watched kind is not served any more.

        Raises:
            KindGone: always.
        """
        await self._is_gone.wait()
        assert self._gone is not None
        raise KindGone(self._gone)

    def age(self, kind: Kind) -> float | None:
        """Seconds since the most silent stream of a kind was heard; None where there was none."""
        heard = [moment for path, moment in self._heard.items() if _is_of(kind, path)]
        return self._clock() - min(heard) if heard else None

    def youngest_age(self) -> float | None:
        """Seconds since any stream was heard."""
        return self._clock() - max(self._heard.values()) if self._heard else None

    def ages(self) -> dict[str, float]:
        """Seconds of silence by kind."""
        known = {kind.kind: self.age(kind) for kind in WATCHED}
        return {kind: age for kind, age in known.items() if age is not None}

    def middleware(self) -> Middleware:
        """Listens to the watch requests of a session."""

        async def listen(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            response = await handler(request)
            if request.url.query.get("watch") != "true":
                return response
            path = request.url.path
            if response.status == HTTPStatus.NOT_FOUND:
                # Kopf would close the session, and then wait for itself until it is killed. It is
                # left waiting here until the operator has stopped in good order.
                self._gone = next((kind for kind in WATCHED if _is_of(kind, path)), None)
                if self._gone:
                    self._is_gone.set()
                    await asyncio.Event().wait()
            if response.status == HTTPStatus.OK:
                self.heard(path)
                response.content = _Heard(response.content, lambda: self.heard(path))  # type: ignore[assignment]
            return response

        return listen


def _is_of(kind: Kind, path: str) -> bool:
    """Whether the path of a collection is one of a kind's, in whatever namespace."""
    return path.startswith(kind.path().rpartition("/")[0] + "/") and path.endswith(
        f"/{kind.plural}"
    )


class _Heard:
    """A response's content that tells of every chunk that is read from it."""

    def __init__(self, content: aiohttp.StreamReader, tell: Callable[[], None]) -> None:
        self._content = content
        self._tell = tell

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        async for chunk in self._content.iter_chunked(size):
            self._tell()
            yield chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)
