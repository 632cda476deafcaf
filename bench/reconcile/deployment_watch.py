"""Sees Deployments appear and change, as anybody who watches the cluster does."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from bench.reconcile.cluster import Cluster
from triton_operator.api import labels

PATH = "/apis/apps/v1/deployments"
SELECTOR = f"{labels.MANAGED_BY}%3D{labels.MANAGER}"
LONGEST_SECONDS = 3600


@dataclass(frozen=True)
class Sighting:
    """When a Deployment was seen (monotonic seconds), and its pod template."""

    at: float
    template: Mapping[str, Any]


class WatchEnded(Exception):
    """The API server ended the watch, so nothing more would be seen."""


class DeploymentWatch:
    """An async context manager; `first` and `last` hold sightings by the name of the service."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self.first: dict[str, Sighting] = {}
        self.last: dict[str, Sighting] = {}

    async def __aenter__(self) -> Self:
        version = (await self._cluster.get(f"{PATH}?limit=1"))["metadata"]["resourceVersion"]
        self._task = asyncio.create_task(self._follow(version))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once `condition` holds; it is asked after every event.

        Raises:
            WatchEnded: it can no longer become true.
        """
        assert self._task is not None
        waiting = asyncio.create_task(self._wait_for(condition))
        await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            raise WatchEnded("the watch of Deployments has ended") from self._task.exception()

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        async with self._news:
            await self._news.wait_for(condition)

    async def _follow(self, version: str) -> None:
        query = f"labelSelector={SELECTOR}&resourceVersion={version}"
        query += f"&timeoutSeconds={LONGEST_SECONDS}"
        async with self._cluster.watch(f"{PATH}?watch=1&{query}") as response:
            async for line in response.content:
                await self._take(json.loads(line), time.monotonic())

    async def _take(self, event: Mapping[str, Any], at: float) -> None:
        if event["type"] not in ("ADDED", "MODIFIED"):
            raise WatchEnded(f"unexpected event {event['type']}: {event['object']}")
        body = event["object"]
        service = body["metadata"]["labels"][labels.SERVICE]
        sighting = Sighting(at, body["spec"]["template"])
        self.first.setdefault(service, sighting)
        self.last[service] = sighting
        async with self._news:
            self._news.notify_all()
