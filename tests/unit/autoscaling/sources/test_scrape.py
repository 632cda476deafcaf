"""Scraping pods: real HTTP servers answer, stall, lie or are not there."""

import asyncio
import gzip
import resource
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aiohttp
import pytest
from aiohttp import web

from tests.unit.autoscaling.exposition_text import cpu
from tests.unit.autoscaling.sources.loopback import Handler, served
from triton_operator.autoscaling.samples import PodTarget, Samples
from triton_operator.autoscaling.sources.pod_requests import PodRequests
from triton_operator.autoscaling.sources.scrape import Scraper


def target(pod: str = "a", address: str = "127.0.0.1", model: str = "filetype") -> PodTarget:
    return PodTarget("shop", pod, 0, address, model)


class Clock:
    """Goes on by a second each time it is read."""

    now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


async def scraped(
    handler: Handler,
    *targets: PodTarget,
    host: str = "127.0.0.1",
    requests: PodRequests | None = None,
) -> Samples:
    async with served(handler, host) as port:
        return await asked(port, *targets, requests=requests)


async def asked(port: int, *targets: PodTarget, requests: PodRequests | None = None) -> Samples:
    requests = requests or PodRequests()
    try:
        return await Scraper(requests, Clock(), port).samples(targets)
    finally:
        await requests.close()


async def healthy(_: web.Request) -> web.StreamResponse:
    return web.Response(text=cpu(7, {"OTHER": 1}, 3))


def test_a_pod_tells_its_counters_to_somebody_without_a_token() -> None:
    heard: list[web.Request] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        heard.append(request)
        return await healthy(request)

    result = asyncio.run(scraped(handler, target()))

    sample = result.pods["shop/a/0"]
    assert (sample.metrics.success, sample.metrics.failure, sample.metrics.pending) == (7, 1, 3)
    assert (sample.time, result.taken) == (1001.0, 1002.0), "dated when it came"
    (request,) = heard
    assert request.path == "/metrics"
    assert not {"Authorization", "Cookie"} & set(request.headers)


def test_the_same_pod_named_twice_is_asked_once() -> None:
    heard: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        heard.append(request.path)
        return await healthy(request)

    result = asyncio.run(scraped(handler, target(), target()))

    assert (len(heard), len(result.pods)) == (1, 1)


def test_a_pod_with_an_ipv6_address_is_asked() -> None:
    result = asyncio.run(scraped(healthy, target(address="::1"), host="::1"))

    assert set(result.pods) == {"shop/a/0"}


def test_an_environment_with_a_proxy_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    result = asyncio.run(scraped(healthy, target()))

    assert set(result.pods) == {"shop/a/0"}


async def status_500(_: web.Request) -> web.StreamResponse:
    return web.Response(status=500, text=cpu(7))


async def elsewhere(request: web.Request) -> web.StreamResponse:
    if request.path == "/metrics":
        raise web.HTTPFound("/other")
    return await healthy(request)


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"# nothing\n" * 10_000)


async def compressed(_: web.Request) -> web.StreamResponse:
    body = gzip.compress(cpu(7).encode())
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


async def cut_short(_: web.Request) -> web.StreamResponse:
    return web.Response(text=cpu(7).rstrip("\n")[:-1])


async def hung_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def binary(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"\xff\xfe\x00\n")


async def another_model(_: web.Request) -> web.StreamResponse:
    return web.Response(text=cpu(7, model="other"))


async def without_counters(_: web.Request) -> web.StreamResponse:
    return web.Response(text="nv_gpu_utilization 0.5\n")


async def no_number(_: web.Request) -> web.StreamResponse:
    return web.Response(text=cpu(7, pending="NaN"))


async def never(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


async def drips(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"#\n")
        await asyncio.sleep(0.05)


class Bad(NamedTuple):
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    says: str
    why: str


@pytest.mark.parametrize(
    "bad",
    [
        Bad(status_500, "status 500", "whatever its body says"),
        Bad(elsewhere, "status 302", "a pod does not send the operator anywhere"),
        Bad(endless, "longer than", "memory is bounded"),
        Bad(compressed, "", "a few bytes can be gigabytes: nothing is unpacked"),
        Bad(cut_short, "cut short", "7 of 71 would be a reset"),
        Bad(hung_up, "", "no answer at all"),
        Bad(binary, "", "no text"),
        Bad(another_model, "model filetype", "not ours: absent is not zero"),
        Bad(without_counters, "model filetype", "absent is not zero"),
        Bad(no_number, "model filetype", "no number is not zero"),
        Bad(never, "in time", "others wait for its place"),
        Bad(drips, "in time", "a byte now and then does not keep it alive"),
    ],
    ids=lambda bad: bad.handler.__name__,
)
def test_a_pod_that_answers_badly_has_no_sample_and_a_reason(bad: Bad) -> None:
    async def run() -> Samples:
        async def handler(request: web.Request) -> web.StreamResponse:
            # Only the second address is bad; the other pod is not to suffer from it.
            assert request.transport is not None
            address = request.transport.get_extra_info("sockname")[0]
            return await (bad.handler if address == "127.0.0.2" else healthy)(request)

        requests = PodRequests(timeout=aiohttp.ClientTimeout(total=2.0))
        pods = (target("good"), target("bad", "127.0.0.2"))
        return await scraped(handler, *pods, host="0.0.0.0", requests=requests)

    result = asyncio.run(run())

    assert set(result.pods) == {"shop/good/0"}, bad.why
    assert bad.says in result.problems["shop/bad/0"]
    assert result.problems["shop/bad/0"], "never without a reason"


def test_a_pod_that_is_not_there_has_no_sample_and_a_reason() -> None:
    async def run() -> Samples:
        async with served(healthy) as port:
            pass
        return await asked(port, target())

    result = asyncio.run(run())

    assert (result.pods, set(result.problems)) == ({}, {"shop/a/0"})


def test_requests_at_a_time_are_bounded_over_all_services() -> None:
    async def run() -> int:
        running = most = 0

        async def handler(request: web.Request) -> web.StreamResponse:
            nonlocal running, most
            running += 1
            most = max(most, running)
            # Whoever else may come now, comes.
            for _ in range(50):
                await asyncio.sleep(0)
            running -= 1
            return await healthy(request)

        requests = PodRequests(at_once=3, timeout=aiohttp.ClientTimeout(total=30))
        async with served(handler) as port:
            scraper = Scraper(requests, Clock(), port)
            services = [[target(f"{name}-{pod}") for pod in range(5)] for name in "abcd"]
            answers = await asyncio.gather(*map(scraper.samples, services))
        await requests.close()
        assert [len(answer.pods) for answer in answers] == [5] * 4
        return most

    assert asyncio.run(run()) <= 3


def test_an_answer_that_has_waited_for_its_turn_is_dated_when_it_came() -> None:
    async def run() -> Samples:
        return await scraped(
            healthy, target("a"), target("b"), target("c"), requests=PodRequests(at_once=1)
        )

    result = asyncio.run(run())

    assert sorted(sample.time for sample in result.pods.values()) == [1001.0, 1002.0, 1003.0]


@pytest.mark.parametrize(
    ("keep", "files", "connections"),
    [
        (False, 2**20, 3),
        (True, 1024, 1),
        (None, 1024, 3),
        (None, 16_383, 3),
        (None, 16_384, 1),
        (None, resource.RLIM_INFINITY, 1),
    ],
)
def test_connections_are_kept_only_where_files_are_plenty(
    keep: bool | None, files: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, resource.RLIM_INFINITY))

    async def run() -> set[object]:
        seen: set[object] = set()

        async def handler(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            seen.add(request.transport.get_extra_info("peername"))
            return await healthy(request)

        requests = PodRequests(keep_connections=keep)
        async with served(handler) as port:
            scraper = Scraper(requests, Clock(), port)
            for _ in range(3):
                assert (await scraper.samples([target()])).problems == {}
            await requests.close()
        return seen

    assert len(asyncio.run(run())) == connections
