"""The objects of one kind as an API server has them: a listing, and what happens after it.

An error says nothing about objects: they stay as they were last seen until a listing or a watch
says otherwise. A listing says something only if all of its pages came.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError, api_error
from triton_operator.controllers.kinds import Kind
from triton_operator.controllers.watch_events import watch_events

Body = dict[str, Any]
Place = tuple[str, str]
"""Namespace and name."""
MOST_REMEMBERED = 1000
REOPEN_SECONDS = 0.5


class Mirror:
    """Follows one kind; `changed()` is called after each change, and after each listing.

    `is_current`: all was listed on the connection in use, and is followed since.
    """

    def __init__(
        self,
        kind: Kind,
        changed: Callable[[], None],
        *,
        namespace: str | None = None,
        label_selector: str = "",
    ) -> None:
        self.objects: dict[Place, Body] = {}
        self.is_current = False
        self._kind = kind
        self._changed = changed
        self._namespace = namespace
        self._label_selector = label_selector
        self._removed: dict[str, int] = {}
        """Versions in which objects went since the last listing, by UID."""

    async def follow(self, server: ApiServer, connection: Connection) -> None:
        """List and watch on one connection, for ever.

        Raises:
            ApiError: what is listed or watched cannot be; only another try tells more.
        """
        try:
            while True:
                version = await self._list(server)
                try:
                    await self._watch(connection, version)
                except ApiError as error:
                    # What has happened since is forgotten there; the connection is fine.
                    if error.status != HTTPStatus.GONE:
                        raise
        finally:
            self.is_current = False
            self._changed()

    def put(self, body: Body) -> None:
        """An object as a watch or the answer to a write shows it: the newest version stays.

        A watch may be faster than an answer: what is gone already does not come back by it.
        """
        place = place_of(body)
        if _version(body) <= self._removed.get(body["metadata"]["uid"], 0):
            return
        before = self.objects.get(place)
        if before is not None and _is_older(body, before):
            return
        self.objects[place] = body
        self._changed()

    async def _list(self, server: ApiServer) -> str:
        found, version = await listed(
            server, self._kind, self._namespace, label_selector=self._label_selector
        )
        # Replaced whole: a server that was restored from a backup has older versions of objects.
        self.objects = {place_of(body): body for body in found}
        self._removed.clear()
        self.is_current = True
        self._changed()
        return version

    async def _watch(self, connection: Connection, version: str) -> None:
        """Take up the watch again and again: the API server ends it every few minutes."""
        selectors = {"labelSelector": self._label_selector} if self._label_selector else {}
        while True:
            async for event in watch_events(
                connection, self._kind, self._namespace, version, selectors
            ):
                version = event.object["metadata"]["resourceVersion"]
                if event.type == "DELETED":
                    self._remove(event.object)
                elif event.type != "BOOKMARK":
                    self.put(event.object)
            # Somebody between here and the API server may end every stream at once.
            await asyncio.sleep(REOPEN_SECONDS)

    def _remove(self, body: Body) -> None:
        place = place_of(body)
        self._removed[body["metadata"]["uid"]] = _version(body)
        if len(self._removed) > MOST_REMEMBERED:
            del self._removed[next(iter(self._removed))]
        before = self.objects.get(place)
        if before is not None and before["metadata"]["uid"] == body["metadata"]["uid"]:
            del self.objects[place]
            self._changed()


async def listed(
    server: ApiServer, kind: Kind, namespace: str | None, *, label_selector: str = ""
) -> tuple[list[Body], str]:
    """Every object, and the version of the listing. An answer that is no such list is an error.

    Raises:
        ApiError: not all of it came.
    """
    try:
        found, version = await server.listing(kind, namespace, label_selector=label_selector)
        for body in found:
            place_of(body)
            body["metadata"]["uid"]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise api_error(0, "Unreadable", f"what {kind.plural} are listed as: {error!r}") from error
    return found, version


def place_of(body: Body) -> Place:
    """Where an object is."""
    metadata = body["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _is_older(one: Body, other: Body) -> bool:
    """Whether it is a former version of the same object."""
    same = one["metadata"]["uid"] == other["metadata"]["uid"]
    return bool(same and _version(one) < _version(other))


def _version(body: Body) -> int:
    return int(body["metadata"]["resourceVersion"])
