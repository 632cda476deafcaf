"""Pods that do not answer in time are left out for a while, and for no longer."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from tests.unit.autoscaling.sources.loopback import served
from triton_operator.autoscaling.sources.pod_requests import PodRequests, Unanswered

SOON = aiohttp.ClientTimeout(total=0.1)


class Pod:
    """A pod that answers or not, and counts who asked; `now` is the time of who asks."""

    def __init__(self) -> None:
        self.silent = True
        self.asked = 0
        self.now = 1000.0

    async def handler(self, _: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.silent:
            await asyncio.Event().wait()
        return web.Response(text="here")

    def clock(self) -> float:
        return self.now


Ask = Callable[[str], Awaitable[str]]


def with_pod(story: Callable[[Pod, Ask, PodRequests], Awaitable[None]], at_once: int = 3) -> None:
    """Tell `story` with a pod, what asks an address of it, and what is asked with."""

    async def run() -> None:
        pod = Pod()
        requests = PodRequests(at_once, SOON, clock=pod.clock)
        async with served(pod.handler, "0.0.0.0") as port:

            async def ask(address: str) -> str:
                try:
                    return (await requests.get(address, port, "/metrics", 100)).decode()
                except Unanswered as error:
                    return str(error)

            try:
                await story(pod, ask, requests)
            finally:
                await requests.close()

    asyncio.run(run())


LATE = "it did not answer in time"
LEFT_OUT = "it did not answer a moment ago"


def test_a_silent_pod_is_left_out_twice_as_long_each_time_and_ten_seconds_at_most() -> None:
    async def story(pod: Pod, ask: Ask, _: PodRequests) -> None:
        for rest in (2.0, 4.0, 8.0, 10.0, 10.0):
            assert await ask("127.0.0.1") == LATE
            pod.now += rest - 0.1
            assert await ask("127.0.0.1") == LEFT_OUT
            pod.now += 0.1
        assert pod.asked == 5

    with_pod(story)


def test_others_are_asked_meanwhile() -> None:
    async def story(pod: Pod, ask: Ask, _: PodRequests) -> None:
        assert await ask("127.0.0.1") == LATE
        pod.silent = False
        assert await ask("127.0.0.2") == "here"
        assert await ask("127.0.0.1") == LEFT_OUT

    with_pod(story)


def test_an_answer_ends_it() -> None:
    async def story(pod: Pod, ask: Ask, _: PodRequests) -> None:
        for rest in (5.0, 10.0):
            assert await ask("127.0.0.1") == LATE
            pod.now += rest
        pod.silent = False
        assert [await ask("127.0.0.1") for _ in range(2)] == ["here", "here"]
        pod.silent = True
        assert await ask("127.0.0.1") == LATE
        pod.now += 5.0
        assert await ask("127.0.0.1") == LATE, "five seconds again, not twenty"

    with_pod(story)


@pytest.mark.parametrize(("at_once", "asked"), [(3, 3), (1, 1)])
def test_several_at_a_time_meet_one_silence(at_once: int, asked: int) -> None:
    async def story(pod: Pod, ask: Ask, _: PodRequests) -> None:
        answers = await asyncio.gather(*(ask("127.0.0.1") for _ in range(5)))
        assert sorted(answers) == [LEFT_OUT] * (5 - asked) + [LATE] * asked
        pod.now += 5.0
        pod.silent = False
        assert await ask("127.0.0.1") == "here"

    with_pod(story, at_once)


def test_silences_of_more_than_a_minute_ago_are_forgotten() -> None:
    async def story(pod: Pod, ask: Ask, requests: PodRequests) -> None:
        for last in range(1, 6):
            assert await ask(f"127.0.0.{last}") == LATE
            pod.now += 40.0
        assert len(requests._silences) == 2
        pod.now += 61.0
        assert await ask("127.0.0.5") == LATE
        pod.now += 5.0
        assert await ask("127.0.0.5") == LATE, "it began anew with five seconds"

    with_pod(story)
