"""A 403 in a watched namespace is heard; kopf's request waits until it is over, ours does not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from triton_operator.controllers.api_server import METADATA_LIST
from triton_operator.controllers.denials import Denials

PODS = "/api/v1/namespaces/lab/pods"


class Stage:
    """A server that denies what is in `denied`, and a session that is listened to."""

    def __init__(self, denials: Denials) -> None:
        self.denials = denials
        self.denied = {"lab"}
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        denied = any(f"/{name}/" in request.path for name in self.denied)
        return web.json_response({}, status=403 if denied else 200)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[aiohttp.ClientSession]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            async with aiohttp.ClientSession(
                f"http://{host}:{port}", middlewares=(self.denials.middleware(),)
            ) as session:
                yield session
        finally:
            await runner.cleanup()


Story = Callable[[Stage, aiohttp.ClientSession], Awaitable[None]]


def play(story: Story) -> Stage:
    async def scenario() -> Stage:
        denials = Denials()
        denials.listen(("lab", "shop"))
        stage = Stage(denials)
        async with stage.open() as session:
            await story(stage, session)
        return stage

    return asyncio.run(scenario())


def is_heard(denials: Denials, namespace: str) -> bool:
    waiting = denials.heard(namespace)
    try:
        waiting.send(None)  # type: ignore[attr-defined]  # a coroutine that may end at once
    except StopIteration:
        return True
    finally:
        waiting.close()  # type: ignore[attr-defined]
    return False


# method, path, Accept: whose request it is
OURS = [
    ("GET", PODS, METADATA_LIST, "a listing of metadata"),
    ("GET", f"{PODS}/a", "*/*", "one object"),
    ("GET", "/apis/events.k8s.io/v1/namespaces/lab/events", "*/*", "a kind that is not watched"),
    ("PATCH", "/apis/apps/v1/namespaces/lab/deployments", "*/*", "a write"),
]


@pytest.mark.parametrize(
    ("method", "path", "accept"), [row[:3] for row in OURS], ids=[row[3] for row in OURS]
)
def test_our_own_requests_are_answered_and_heard(method: str, path: str, accept: str) -> None:
    async def story(stage: Stage, session: aiohttp.ClientSession) -> None:
        async with session.request(method, path, headers={"Accept": accept}) as response:
            assert response.status == 403
        assert is_heard(stage.denials, "lab")
        assert not is_heard(stage.denials, "shop")

    play(story)


@pytest.mark.parametrize("query", ["?watch=true", "?limit=500"])
def test_requests_of_kopf_are_held_until_it_is_over(query: str) -> None:
    async def story(stage: Stage, session: aiohttp.ClientSession) -> None:
        asking = asyncio.ensure_future(session.get(f"{PODS}{query}"))
        await stage.denials.heard("lab")
        assert not asking.done()
        stage.denials.over("lab")
        await stage.denials.heard("lab")
        assert not asking.done(), "asked again, and denied again"

        stage.denied.clear()
        stage.denials.over("lab")
        async with await asking as response:
            assert response.status == 200

    assert play(story).asked == [f"GET {PODS}"] * 3


# how often it was over, and how often the denial is told
TOLD = [
    (0, 0, "the namespace may be lost, which is told by who finds out"),
    (1, 1, "somebody looked, and it is denied all the same"),
    (4, 1, "once"),
]


@pytest.mark.parametrize(("looks", "told"), [row[:2] for row in TOLD], ids=[row[2] for row in TOLD])
def test_a_watch_that_stays_denied_is_told(
    looks: int, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(stage: Stage, session: aiohttp.ClientSession) -> None:
        asking = asyncio.ensure_future(session.get(f"{PODS}?watch=true"))
        await stage.denials.heard("lab")
        for _ in range(looks):
            stage.denials.over("lab")
            await stage.denials.heard("lab")
        asking.cancel()

    play(story)
    rows = [record for record in caplog.records if "not watched" in record.getMessage()]
    assert [(row.namespace, row.path) for row in rows] == [("lab", PODS)] * told  # type: ignore[attr-defined]


def test_what_is_not_watched_by_name_is_not_held() -> None:
    """With rights in the whole cluster, kopf asks again by itself."""

    async def story(stage: Stage, session: aiohttp.ClientSession) -> None:
        stage.denials.listen(())
        async with session.get(f"{PODS}?watch=true") as response:
            assert response.status == 403

    play(story)
