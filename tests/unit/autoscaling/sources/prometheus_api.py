"""A small server with the paths of Prometheus' API, whose answers the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.unit.autoscaling.sources.loopback import served
from triton_operator.autoscaling.samples import PodTarget
from triton_operator.autoscaling.sources.prometheus import Prometheus, PrometheusOptions
from triton_operator.autoscaling.sources.prometheus_connection import PrometheusAddress

Instead = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Clock:
    now = 5000.0

    def __call__(self) -> float:
        return self.now


class Api:
    """Prometheus at a time of its own; `instead` answers every question if it is there."""

    def __init__(self) -> None:
        self.now = 100.0
        self.result: Any = []
        self.instead: Instead | None = None
        self.requests: list[web.Request] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.instead is not None:
            return await self.instead(request)
        if request.query["query"] == "time()":
            data = {"resultType": "scalar", "result": [self.now, str(self.now)]}
        else:
            data = {"resultType": "matrix", "result": self.result}
        return web.json_response({"status": "success", "data": data})

    @property
    def queries(self) -> list[str]:
        return [request.query["query"] for request in self.requests]


@asynccontextmanager
async def prometheus(
    api: Api,
    clock: Clock | None = None,
    options: PrometheusOptions | None = None,
    path: str = "",
    **address: Any,
) -> AsyncIterator[Prometheus]:
    async with served(api.answer) as port:
        where = PrometheusAddress(f"http://127.0.0.1:{port}{path}", **address)
        source = Prometheus(where, clock or Clock(), options)
        try:
            yield source
        finally:
            await source.close()


def pods(*names: str) -> list[PodTarget]:
    return [PodTarget("shop", name, 0, "10.0.0.1", "filetype") for name in names]


async def status_500(_: web.Request) -> web.StreamResponse:
    return web.Response(status=500, text="out of memory")


async def status_401(_: web.Request) -> web.StreamResponse:
    return web.Response(status=401, text="who are you")


async def elsewhere(request: web.Request) -> web.StreamResponse:
    if request.path == "/login":
        return await web_page(request)
    raise web.HTTPFound("/login")


async def web_page(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>It works!</html>")


async def failed_query(_: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "error", "error": "query timed out"})


async def another_json(_: web.Request) -> web.StreamResponse:
    return web.json_response([1, 2, 3])


async def no_time(_: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "success", "data": {"result": [1, "NaN"]}})


async def never(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


async def drips(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.05)


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while True:
        await response.write(b" " * 2**20)


async def cut_short(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"status": "success", "da')
    assert request.transport is not None
    request.transport.close()
    return response


async def compressed(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
