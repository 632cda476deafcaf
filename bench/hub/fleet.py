"""All members of a run, simulated ones and whole agents, and what is seen of them."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import aiohttp

from bench.hub.news import News
from bench.hub.objects import cluster_name, is_cloud
from bench.hub.options import Options
from bench.hub.site import Site
from e2e.harness.controlplane import ControlPlane
from triton_operator.agent.sync import sync
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection, connect

CONNECTIONS = 64
"""Of all simulated members together."""


class Fleet:
    """An async context manager. `dead` are those whose endpoint does not answer either."""

    def __init__(self, control_plane: ControlPlane, options: Options, dead: set[str]) -> None:
        self._options = options
        self._kubeconfig: Path = control_plane.kubeconfig
        # Watches have a pool of their own: they would hold places of the other one.
        self._connection = _connection(control_plane, CONNECTIONS)
        self._watches = _connection(control_plane, 0)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._dead = dead
        self.sites: dict[str, Site] = {}
        self.news = News(self._join, self._hear)

    async def __aenter__(self) -> Self:
        options = self._options
        for number in range(options.agents, options.members):
            site = Site(number, self._connection, float(options.interval), options.seed)
            self.sites[site.name] = site
        follow = self.news.follow(ApiServer(self._watches), self._watches)
        self._tasks[""] = asyncio.create_task(follow)
        return self

    async def __aexit__(self, *exception: object) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for connection in (self._connection, self._watches):
            await connection.session.close()

    @property
    def agents(self) -> list[str]:
        """Clusters with a whole agent."""
        return [cluster_name(number) for number in range(self._options.agents)]

    @property
    def edges(self) -> list[str]:
        """Simulated ones that are no clouds; any of them may die, and others take its part."""
        options = self._options
        return [
            cluster_name(number)
            for number in range(options.agents, options.members)
            if not is_cloud(number)
        ]

    @property
    def failures(self) -> int:
        """Requests of simulated members that were not answered as they should be."""
        return sum(site.failures for site in self.sites.values())

    async def until(self, condition: Any) -> None:
        """Return once `condition` holds, of what is seen.

        Raises:
            ExceptionGroup: a member or a watch has ended, which none should.
        """
        waiting = asyncio.ensure_future(self.news.until(condition))
        try:
            await asyncio.wait(
                (waiting, *self._tasks.values()), return_when=asyncio.FIRST_COMPLETED
            )
            for task in self._tasks.values():
                if task.done():
                    task.result()
        finally:
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting

    async def kill(self, names: Iterable[str]) -> None:
        """They say nothing any more, and their endpoints do not answer."""
        self._dead.update(names)
        ended = [self._tasks.pop(name) for name in names]
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)

    def _join(self, name: str) -> None:
        """Its mailbox is made: its agent is installed."""
        site = self.sites.get(name)
        self._tasks[name] = asyncio.create_task(site.run() if site else self._agent(name))

    def _hear(self, cluster: str, work: dict[str, Any]) -> None:
        if cluster in self.sites:
            self.sites[cluster].hear(work)

    async def _agent(self, name: str) -> None:
        async def connected() -> Connection:
            return await connect(self._kubeconfig, for_kopf=False)

        await sync(
            connected,
            connected,
            f"fleet-{name}",
            heartbeat_seconds=float(self._options.interval),
            randomness=random.Random(f"{self._options.seed} {name}"),
        )


def _connection(control_plane: ControlPlane, limit: int) -> Connection:
    connector = aiohttp.TCPConnector(limit=limit, ssl=control_plane.tls)
    return Connection(control_plane.url, aiohttp.ClientSession(connector=connector))
