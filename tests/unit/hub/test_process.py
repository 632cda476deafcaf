"""The hub process, where something that it is made of ends before it has begun."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

import triton_operator.hub.process as process
from triton_operator.controllers.connection import Connection
from triton_operator.hub.options import HubOptions
from triton_operator.hub.process import Hub, run_hub

OPTIONS = HubOptions(kubeconfig=Path("/nowhere"), http_port=0)


class BrokenError(Exception):
    """A bug."""


class NoSession:
    """Of an API server that does not answer."""

    closed = False

    def request(self, *_: Any, **__: Any) -> Any:
        raise aiohttp.ClientConnectionError

    get = request

    async def close(self) -> None:
        pass


def connection() -> Connection:
    return Connection("https://localhost", cast(aiohttp.ClientSession, NoSession()))


def test_a_mirror_that_dies_before_all_is_known_ends_the_process() -> None:
    async def check() -> None:
        hub = Hub(OPTIONS, connection())

        async def breaks() -> None:
            raise BrokenError

        hub.known.works.run = breaks  # type: ignore[method-assign]
        async with asyncio.timeout(30):
            await hub.run(asyncio.Event())

    with pytest.raises(BrokenError):
        asyncio.run(check())


def test_answers_are_not_held_back_for_kopf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in a hub lets them go again."""
    asked: list[Any] = []

    async def connect(kubeconfig: Path | None = None, **options: Any) -> Connection:
        asked.append(options)
        return connection()

    async def check() -> None:
        stop = asyncio.Event()
        stop.set()
        await run_hub(OPTIONS, stop)

    monkeypatch.setattr(process, "connect", connect)
    asyncio.run(check())

    assert asked == [{"for_kopf": False}]
