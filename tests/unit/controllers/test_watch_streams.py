"""How silent each kind's watch is, heard on a real connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from tests.unit.controllers.clock import Clock
from triton_operator.controllers.kinds import INFERENCE_SERVICE, MODEL_PROFILE, POD
from triton_operator.controllers.watch_streams import KindGone, WatchStreams

PODS = "/api/v1/pods"
SHOP_PODS = "/api/v1/namespaces/shop/pods"
PROFILES = "/apis/serving.triton-operator.io/v1alpha1/modelprofiles"


@asynccontextmanager
async def api_server(streams: WatchStreams) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A session that is listened to, and a server whose watches send a line for each release."""

    async def watch(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in (b"{}\n", b"{}\n"):
            await response.write(line)
        return response

    application = web.Application()
    application.router.add_get(PODS, watch)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with aiohttp.ClientSession(middlewares=(streams.middleware(),)) as session:
            yield session, f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def test_a_watch_is_heard_when_it_connects_and_with_every_chunk() -> None:
    clock = Clock()
    streams = WatchStreams(clock)

    async def scenario() -> None:
        async with (
            api_server(streams) as (session, url),
            session.get(f"{url}{PODS}?watch=true") as response,
        ):
            clock.advance(50)
            assert streams.age(POD) == 50, "since it connected"
            chunks = [chunk async for chunk in response.content.iter_chunked(100)]
            assert b"".join(chunks) == b"{}\n{}\n"
            assert streams.age(POD) == 0
            assert streams.ages() == {"Pod": 0}

    asyncio.run(scenario())


def test_what_is_no_watch_is_not_heard() -> None:
    streams = WatchStreams(Clock())

    async def scenario() -> None:
        async with (
            api_server(streams) as (session, url),
            session.get(f"{url}{PODS}?limit=500") as response,
        ):
            await response.read()
            async with session.get(f"{url}{PROFILES}?limit=500") as absent:
                assert absent.status == 404

    asyncio.run(scenario())
    assert streams.ages() == {}
    assert streams.youngest_age() is None


def test_a_watch_of_a_kind_that_is_gone_is_told_and_held() -> None:
    streams = WatchStreams(Clock())

    async def scenario() -> None:
        async with api_server(streams) as (session, url):
            asking = asyncio.ensure_future(session.get(f"{url}{PROFILES}?watch=true"))
            with pytest.raises(KindGone, match="ModelProfile is not served any more"):
                await asyncio.wait_for(streams.until_gone(), 10)
            assert not asking.done(), "whoever asked is not told before the operator has stopped"
            asking.cancel()

    asyncio.run(scenario())


def test_streams_of_a_namespace_that_was_given_up_have_no_age() -> None:
    """A last chunk may still come while kopf ends them; nobody would ever hear them again."""
    clock = Clock()
    streams = WatchStreams(clock)
    streams.heard(SHOP_PODS)
    streams.give_up("shop")
    assert streams.ages() == {}
    streams.heard(SHOP_PODS)
    assert streams.ages() == {}
    streams.heard(PODS)
    assert streams.ages() == {"Pod": 0}, "elsewhere they count"

    streams.take_up("shop")
    streams.heard(SHOP_PODS)
    clock.advance(5)
    streams.heard(PODS)
    assert streams.age(POD) == 5


def test_of_several_streams_the_most_silent_counts() -> None:
    clock = Clock()
    streams = WatchStreams(clock)
    streams.heard(PODS)
    clock.advance(30)
    streams.heard(SHOP_PODS)
    clock.advance(5)

    assert streams.age(POD) == 35
    assert streams.age(MODEL_PROFILE) is None
    assert streams.age(INFERENCE_SERVICE) is None
    assert streams.youngest_age() == 5
