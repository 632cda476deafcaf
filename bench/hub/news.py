"""What the API server shows of clusters and works, by two watches of its administrator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from bench.hub.objects import milliseconds_of
from triton_operator.api import reasons
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.kinds import INFERENCE_WORK, Kind
from triton_operator.controllers.watch_events import watch_events
from triton_operator.fleet.mailbox import mailbox_cluster
from triton_operator.hub.kinds import INFERENCE_CLUSTER

Body = dict[str, Any]


class Removed(Exception):
    """The hub has taken away what it should not: the figures would be of something else."""


class News:
    """Monotonic seconds: `written` and `in_force` have when an edit of a service was first seen in
    a work, and in force there, by work, cluster and edit; `mailboxes` when one was made. `states`
    are those of connections by cluster, `works` the newest by work and cluster. `writes` counts
    changes of works' specs, by whomever.
    """

    def __init__(self, joined: Callable[[str], None], changed: Callable[[str, Body], None]) -> None:
        self._joined = joined
        self._changed = changed
        self._news = asyncio.Event()
        self.states: dict[str, str] = {}
        self.mailboxes: dict[str, float] = {}
        self.works: dict[tuple[str, str], Body] = {}
        self.written: dict[tuple[str, str, int], float] = {}
        self.in_force: dict[tuple[str, str, int], float] = {}
        self.writes = 0

    async def follow(self, server: ApiServer, connection: Connection) -> None:
        """For ever.

        Raises:
            ApiError: a watch has broken.
            Removed: a work is being deleted.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(server, connection, INFERENCE_CLUSTER, self._cluster))
            group.create_task(self._follow(server, connection, INFERENCE_WORK, self._work))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once `condition` holds; it is asked after every event."""
        while not condition():
            self._news.clear()
            await self._news.wait()

    async def _follow(
        self, server: ApiServer, connection: Connection, kind: Kind, tell: Callable[[Body], None]
    ) -> None:
        found, version = await server.listing(kind, None)
        for body in found:
            tell(body)
        while True:
            async for event in watch_events(connection, kind, None, version):
                version = event.object["metadata"]["resourceVersion"]
                if event.type != "BOOKMARK":
                    tell(event.object)
                    self._news.set()

    def _cluster(self, body: Body) -> None:
        name, status = body["metadata"]["name"], body.get("status") or {}
        if "connectionState" not in status:
            return
        self.states[name] = status["connectionState"]
        # The hub says nothing of a cluster before it has tried to make its mailbox.
        ready = next(one for one in status["conditions"] if one["type"] == reasons.READY)
        if name not in self.mailboxes and not ready["reason"].startswith("Mailbox"):
            self.mailboxes[name] = time.monotonic()
            self._joined(name)

    def _work(self, body: Body) -> None:
        metadata, spec = body["metadata"], body["spec"]
        cluster = mailbox_cluster(metadata["namespace"])
        if cluster is None or "deletionTimestamp" in metadata:
            raise Removed(f"the work {metadata['name']} in {metadata['namespace']} goes")
        place = metadata["name"], cluster
        before = self.works.get(place)
        if before is None or before["metadata"]["generation"] != metadata["generation"]:
            self.writes += 1
        self.works[place] = body
        edit, now = (*place, milliseconds_of(body)), time.monotonic()
        self.written.setdefault(edit, now)
        if (body.get("status") or {}).get("appliedRevision") == spec["revision"]:
            self.in_force.setdefault(edit, now)
        self._changed(cluster, body)
