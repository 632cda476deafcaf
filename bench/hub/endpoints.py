"""Where the hub probes all clusters: one server on loopback, on which some never answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection

from aiohttp import web

HANG_SECONDS = 60.0
"""Longer than the hub waits for an answer."""


@contextlib.asynccontextmanager
async def endpoints(dead: Collection[str]) -> AsyncIterator[str]:
    """The address under which each cluster has its path; `dead`, which may grow, do not answer."""

    async def ready(request: web.Request) -> web.Response:
        if request.match_info["cluster"] in dead:
            await asyncio.sleep(HANG_SECONDS)
        return web.Response()

    application = web.Application()
    application.router.add_get("/{cluster}/v2/health/ready", ready)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
