"""Asking pods for their device: a real HTTP server answers, stalls, lies or is not there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from aiohttp import web

from triton_operator.controllers import device_reader
from triton_operator.controllers.device_reader import AGAIN_SECONDS, DeviceReader
from triton_operator.controllers.keys import Key
from triton_operator.controllers.observed import DeviceQuestion
from triton_operator.triton.model_devices import ModelDevices

KEY = Key("InferenceService", "shop", "filetype")
CPU_CONFIG = {"name": "filetype", "instance_group": [{"kind": "KIND_CPU", "gpus": []}]}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Stage(NamedTuple):
    reader: DeviceReader
    clock: Clock
    heard: list[Key]
    changed: asyncio.Event
    requests: list[web.Request]

    async def ask(self, *instances: str) -> None:
        """Ask, and wait until every answer is there."""
        self.reader.ask(KEY, [question(one) for one in instances])
        async with asyncio.timeout(20):
            while any(one not in self.reader.known(KEY) for one in instances):
                self.changed.clear()
                await self.changed.wait()

    def answer(self, instance: str) -> ModelDevices:
        return self.reader.known(KEY)[instance]


def question(instance: str) -> DeviceQuestion:
    return DeviceQuestion(instance, "127.0.0.1", "filetype")


@asynccontextmanager
async def stage(handler: Handler) -> AsyncIterator[Stage]:
    requests: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        requests.append(request)
        return await handler(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    clock, heard, changed = Clock(), [], asyncio.Event()

    def concern(keys: Iterable[Key]) -> None:
        heard.extend(keys)
        changed.set()

    reader = DeviceReader(concern, clock, port)
    try:
        yield Stage(reader, clock, heard, changed, requests)
    finally:
        await reader.close()
        await runner.cleanup()


async def on_cpu(_: web.Request) -> web.StreamResponse:
    return web.json_response(CPU_CONFIG)


def test_a_pod_is_asked_once_and_by_nobody() -> None:
    async def run() -> None:
        async with stage(on_cpu) as it:
            await it.ask("pod/0")
            await it.ask("pod/0")

            assert it.answer("pod/0") == ModelDevices(("KIND_CPU",), ())
            (request,) = it.requests
            assert request.path == "/v2/models/filetype/config"
            assert "Authorization" not in request.headers, "a pod must not see the token"
            assert it.heard == [KEY]

    asyncio.run(run())


def test_a_restarted_server_is_asked_again_and_the_old_answer_goes() -> None:
    async def run() -> None:
        async with stage(on_cpu) as it:
            await it.ask("pod/0")
            await it.ask("pod/1")

            assert set(it.reader.known(KEY)) == {"pod/1"}
            assert len(it.requests) == 2

    asyncio.run(run())


def test_nothing_is_kept_of_a_service_without_pods() -> None:
    async def run() -> None:
        async with stage(on_cpu) as it:
            await it.ask("pod/0")
            it.reader.ask(KEY, ())

            assert it.reader.known(KEY) == {}

    asyncio.run(run())


class Bad(NamedTuple):
    name: str
    handler: Handler
    says: str


async def refused(_: web.Request) -> web.StreamResponse:
    return web.Response(status=403)


async def moved(_: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("http://127.0.0.1:1/elsewhere")


async def text(_: web.Request) -> web.StreamResponse:
    return web.Response(text="hello")


async def a_list(_: web.Request) -> web.StreamResponse:
    return web.json_response([])


async def deep(_: web.Request) -> web.StreamResponse:
    return web.Response(text="[" * 500_000)


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b"x" * 2**16)
    return response


@pytest.mark.parametrize(
    "row",
    [
        Bad("refused", refused, "status 403"),
        Bad("redirect", moved, "status 302"),
        Bad("no JSON", text, "Expecting value"),
        Bad("no object", a_list, "no JSON object"),
        Bad("too long", endless, "too long"),
        Bad("too deep", deep, "nested too deeply"),
    ],
    ids=lambda row: row.name,
)
def test_an_answer_that_is_none_is_told_as_that(row: Bad) -> None:
    async def run() -> None:
        async with stage(row.handler) as it:
            await it.ask("pod/0")

            assert row.says in it.answer("pod/0").problem

    asyncio.run(run())


def test_a_pod_that_never_answers_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_reader, "TIMEOUT", device_reader.aiohttp.ClientTimeout(total=0.2))
    released = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    async def run() -> None:
        async with stage(silent) as it:
            it.reader.ask(KEY, [question("pod/0")])
            assert it.reader.known(KEY) == {}, "asked aside, nothing is waited for"

            await it.ask("pod/0")

            assert it.answer("pod/0").problem
            released.set()

    asyncio.run(run())


def test_what_failed_is_asked_again_after_a_while() -> None:
    answers = iter([refused, on_cpu])

    async def first_refused(request: web.Request) -> web.StreamResponse:
        return await next(answers)(request)

    async def run() -> None:
        async with stage(first_refused) as it:
            await it.ask("pod/0")
            it.reader.ask(KEY, [question("pod/0")])
            assert len(it.requests) == 1, "not at once"

            it.clock.now = AGAIN_SECONDS
            it.changed.clear()
            it.reader.ask(KEY, [question("pod/0")])
            async with asyncio.timeout(20):
                await it.changed.wait()

            assert it.answer("pod/0") == ModelDevices(("KIND_CPU",), ())

    asyncio.run(run())
