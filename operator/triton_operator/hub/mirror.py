"""The objects of one kind as the API server has them: a listing, and what happens after it.

An error says nothing about objects: they stay as they were last seen until a listing or a watch
says otherwise.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError
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
OUTAGE_SECONDS = 5.0
"""A stream that breaks is taken up again sooner than that, unless the API server does not answer.
"""


class Mirror:
    """Follows one kind in all namespaces.

    `changed(before, after)` is called after each change, in order; None: the object was not there,
    or is not any more. `resumed()` is called after an outage, before its changes. `synced` is set
    once the first listing is complete.
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
        self.kind = kind
        self.objects: dict[Place, Body] = {}
        self.synced = asyncio.Event()
        self._server = server
        self._connection = connection
        self._changed = changed
        self._resumed = resumed
        self._gone: dict[str, None] = {}
        """UIDs of objects that went, the oldest first."""
        self._broken_at: float | None = None
        self._clock = asyncio.get_running_loop().time
        self._field_selector = field_selector
        self._label_selector = label_selector
        self._randomness = randomness
        self._problem = ""
        self._pause = FIRST_PAUSE_SECONDS

    def get(self, namespace: str, name: str) -> Body | None:
        """The object as it was last seen."""
        return self.objects.get((namespace, name))

    def put(self, body: Body) -> None:
        """An object as an answer to our own write shows it, or a watch: the newer version stays.

        A watch may be faster than an answer: what is gone already does not come back by it.
        """
        if body["metadata"]["uid"] in self._gone:
            return
        place = place_of(body)
        before = self.objects.get(place)
        if before is not None and _is_older(body, before):
            return
        self.objects[place] = body
        if before != body:
            self._tell(before, body)

    def outage_seconds(self) -> float:
        """Since when it is not followed; 0: it is."""
        return 0.0 if self._broken_at is None else self._clock() - self._broken_at

    async def run(self) -> None:
        """Follow, for ever."""
        while True:
            try:
                await self._follow(await self._list())
            except ApiError as error:
                if self._broken_at is None:
                    self._broken_at = self._clock()
                self._complain(error)
                await asyncio.sleep(self._pause * self._randomness.uniform(0.8, 1.2))
                self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    async def _list(self) -> str:
        found, version = await self._server.listing(
            self.kind,
            None,
            field_selector=self._field_selector,
            label_selector=self._label_selector,
        )
        if self.outage_seconds() > OUTAGE_SECONDS:
            self._resumed()
        self._broken_at = None
        # Rows of a list do not say what they are.
        typed = {"apiVersion": self.kind.api_version, "kind": self.kind.kind}
        seen = {place_of(body): {**typed, **body} for body in found}
        gone = [place for place in self.objects if place not in seen]
        for place in gone:
            self._remove(place)
        for body in seen.values():
            # An API server that was restored from a backup has it again.
            self._gone.pop(body["metadata"]["uid"], None)
        for place, body in seen.items():
            # Whatever its version: an API server that was restored from a backup has older ones.
            before = self.objects.get(place)
            self.objects[place] = body
            if before != body:
                self._tell(before, body)
        self._problem = ""
        self.synced.set()
        return version

    async def _follow(self, version: str) -> None:
        """Take up the watch again and again, until only a new listing helps."""
        selectors = {
            name: selector
            for name, selector in (
                ("fieldSelector", self._field_selector),
                ("labelSelector", self._label_selector),
            )
            if selector
        }
        while True:
            async for event in watch_events(self._connection, self.kind, None, version, selectors):
                version = event.object["metadata"]["resourceVersion"]
                self._pause = FIRST_PAUSE_SECONDS
                if event.type == "DELETED":
                    self._remove(place_of(event.object), event.object["metadata"]["uid"])
                elif event.type != "BOOKMARK":
                    self.put(event.object)
            # Somebody between here and the API server may end every stream at once.
            await asyncio.sleep(FIRST_PAUSE_SECONDS * self._randomness.uniform(1.0, 1.5))

    def _remove(self, place: Place, uid: str = "") -> None:
        before = self.objects.get(place)
        if before is None or uid not in ("", before["metadata"]["uid"]):
            return
        del self.objects[place]
        self._gone[before["metadata"]["uid"]] = None
        if len(self._gone) > MOST_REMEMBERED:
            del self._gone[next(iter(self._gone))]
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

    def _complain(self, error: ApiError) -> None:
        """Once for each problem: an outage brings the same one again and again."""
        problem = f"{error.status} {error.reason}"
        if error.status == HTTPStatus.GONE or problem == self._problem:
            return
        self._problem = problem
        logger.warning(
            "A kind cannot be followed; what is known of it stays.",
            extra={"kind": self.kind.kind, "error": str(error)},
        )


def place_of(body: Body) -> Place:
    """Where an object is."""
    metadata = body["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _is_older(one: Body, other: Body) -> bool:
    """Whether it is a former version of the same object."""
    mine, its = one["metadata"], other["metadata"]
    return bool(
        mine["uid"] == its["uid"] and int(mine["resourceVersion"]) < int(its["resourceVersion"])
    )
