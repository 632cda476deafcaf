"""The objects of one kind as an API server has them: a listing, and what happens after it.

An error says nothing about objects: they stay as they were last seen until a listing or a watch
says otherwise. A listing says something only if all of its pages came.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from triton_operator.controllers.answer_bounds import UNBOUNDED, AnswerBounds, Kept
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError, api_error
from triton_operator.controllers.kinds import Kind
from triton_operator.controllers.watch_events import watch_events

logger = logging.getLogger(__name__)
Body = dict[str, Any]
Place = tuple[str, str]
"""Namespace and name."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
MOST_REMEMBERED = 1000
"""Objects that went: an answer is late by seconds."""
LONGEST_UID = 256
"""Of those; Kubernetes' own have 36 characters."""


class Mirror:
    """Follows one kind, in a namespace or in all.

    `changed(before, after)` is called after each change, in order; None: the object was not there,
    or is not any more. `turned()` is called after each change of `is_current`: all was listed on
    the connection in use, and is followed since.
    """

    def __init__(
        self,
        kind: Kind,
        changed: Callable[[Body | None, Body | None], None],
        *,
        turned: Callable[[], None] = lambda: None,
        namespace: str | None = None,
        field_selector: str = "",
        label_selector: str = "",
        randomness: random.Random,
    ) -> None:
        self.kind = kind
        self.objects: dict[Place, Body] = {}
        self.is_current = False
        self._changed = changed
        self._turned = turned
        self._namespace = namespace
        self._field_selector = field_selector
        self._label_selector = label_selector
        self._randomness = randomness
        self._kept = Kept(UNBOUNDED, kind.plural)
        self._pause = FIRST_PAUSE_SECONDS
        self._gone: dict[str, int] = {}
        """Versions in which objects went, by UID, the oldest first."""

    def bound(self, bounds: AnswerBounds) -> None:
        """No more than this is kept, to be said before anything is: what does not fit ends `follow`
        and `put` by `ApiTooMuch`, and what was there stays."""
        self._kept.bounds = bounds

    def get(self, namespace: str, name: str) -> Body | None:
        """The object as it was last seen."""
        return self.objects.get((namespace, name))

    def put(self, body: Body) -> None:
        """An object as an answer to our own write shows it, or a watch: the newer version stays.

        A watch may be faster than an answer: what is gone already does not come back by it.
        """
        if version_of(body) <= self._gone.get(body["metadata"]["uid"], 0):
            return
        place = place_of(body)
        before = self.objects.get(place)
        if before is None or not _is_older(body, before):
            self._set(place, before, body)

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
                self._turn(False)
                await self._rest()
        finally:
            self._turn(False)

    async def _list(self, server: ApiServer) -> str:
        found, version = await listed(
            server,
            self.kind,
            self._namespace,
            field_selector=self._field_selector,
            label_selector=self._label_selector,
        )
        # Rows of a list do not say what they are.
        typed = {"apiVersion": self.kind.api_version, "kind": self.kind.kind}
        seen = {place_of(body): {**typed, **body} for body in found}
        kept = Kept(self._kept.bounds, self.kind.plural)
        for place, body in seen.items():
            kept.put(place, body)
        self._listing_came()
        for place in [place for place in self.objects if place not in seen]:
            self._remove(self.objects[place], int(version))
        self._kept = kept
        for place, body in seen.items():
            # Whatever was known: an API server that was restored from a backup has older versions,
            # and objects that had gone.
            self._gone.pop(body["metadata"]["uid"], None)
            self._set(place, self.objects.get(place), body)
        self._turn(True)
        return version

    def _listing_came(self) -> None:
        """Before its changes are told."""

    async def _watch(self, connection: Connection, version: str) -> None:
        """Take up the watch again and again: the API server ends it every few minutes."""
        selectors = {"fieldSelector": self._field_selector, "labelSelector": self._label_selector}
        selectors = {name: selector for name, selector in selectors.items() if selector}
        while True:
            async for event in watch_events(
                connection, self.kind, self._namespace, version, selectors
            ):
                version = event.object["metadata"]["resourceVersion"]
                self._pause = FIRST_PAUSE_SECONDS
                if event.type == "DELETED":
                    self._remove(event.object, int(version))
                elif event.type != "BOOKMARK":
                    self.put(event.object)
            # Somebody between here and the API server may end every stream at once.
            await asyncio.sleep(FIRST_PAUSE_SECONDS * self._randomness.uniform(1.0, 1.5))

    async def _rest(self) -> None:
        """Longer each time, until something is heard."""
        await asyncio.sleep(self._pause * self._randomness.uniform(0.8, 1.2))
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def _set(self, place: Place, before: Body | None, body: Body) -> None:
        self._kept.put(place, body)
        self.objects[place] = body
        if before != body:
            self._tell(before, body)

    def _remove(self, body: Body, version: int) -> None:
        uid = body["metadata"]["uid"]
        if len(uid) <= LONGEST_UID:
            self._gone[uid] = version
        if len(self._gone) > MOST_REMEMBERED:
            del self._gone[next(iter(self._gone))]
        before = self.objects.get(place_of(body))
        if before is not None and before["metadata"]["uid"] == uid:
            del self.objects[place_of(body)]
            self._kept.drop(place_of(body))
            self._tell(before, None)

    def _tell(self, before: Body | None, after: Body | None) -> None:
        try:
            self._changed(before, after)
        except Exception:
            # One odd object must not end the watch of all others.
            logger.exception(
                "A change was not understood.",
                extra={"kind": self.kind.kind, "object": "/".join(place_of(after or before or {}))},
            )

    def _turn(self, is_current: bool) -> None:
        if self.is_current is not is_current:
            self.is_current = is_current
            self._turned()


async def listed(
    server: ApiServer,
    kind: Kind,
    namespace: str | None,
    *,
    field_selector: str = "",
    label_selector: str = "",
) -> tuple[list[Body], str]:
    """Every object, and the version of the listing. An answer that is no such list is an error.

    Raises:
        ApiError: not all of it came.
    """
    try:
        found, version = await server.listing(
            kind, namespace, field_selector=field_selector, label_selector=label_selector
        )
        int(version)
        for body in found:
            place_of(body)
            body["metadata"]["uid"]
            version_of(body)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise api_error(0, "Unreadable", f"what {kind.plural} are listed as: {error!r}") from error
    return found, version


def place_of(body: Body) -> Place:
    """Where an object is."""
    metadata = body["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def version_of(body: Body) -> int:
    """Of that object; the API server counts them for all objects together."""
    return int(body["metadata"]["resourceVersion"])


def _is_older(one: Body, other: Body) -> bool:
    """Whether it is a former version of the same object."""
    same = one["metadata"]["uid"] == other["metadata"]["uid"]
    return bool(same and version_of(one) < version_of(other))
