"""Asking a Prometheus: what is asked, what is believed, and every way not to get an answer."""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from tests.unit.autoscaling.prometheus_results import POD, pod
from tests.unit.autoscaling.sources.loopback import served
from tests.unit.autoscaling.sources.prometheus_api import (
    Api,
    Clock,
    Instead,
    another_json,
    compressed,
    cut_short,
    drips,
    elsewhere,
    endless,
    failed_query,
    never,
    no_time,
    pods,
    prometheus,
    status_401,
    status_500,
    web_page,
)
from triton_operator.autoscaling.look import look
from triton_operator.autoscaling.samples import Seen, with_samples
from triton_operator.autoscaling.sources import prometheus_connection
from triton_operator.autoscaling.sources.prometheus import (
    AWAY_SECONDS,
    PODS_PER_QUERY,
    Prometheus,
    PrometheusOptions,
)
from triton_operator.autoscaling.sources.prometheus_connection import (
    PrometheusAddress,
    PrometheusSilent,
)

TARGETS = pods(POD["pod"])
(TARGET,) = TARGETS


def test_the_newest_sample_is_dated_by_the_clock_of_prometheus() -> None:
    async def run() -> None:
        api = Api()
        api.result = pod({95: 7, 98: 9}, {95: 0, 98: 2})
        async with prometheus(api) as source:
            result = await source.samples(TARGETS)

        assert (result.source, result.taken, result.problems) == ("prometheus", 100, {})
        sample = result.pods[TARGET.instance]
        assert (sample.time, sample.metrics.success, sample.metrics.pending) == (98, 9, 2)

    asyncio.run(run())


def test_only_our_pods_are_asked_for_and_values_stay_values() -> None:
    async def run() -> None:
        api = Api()
        options = PrometheusOptions(matchers={"cluster": 'a"b'})
        async with prometheus(api, options=options) as source:
            await source.samples(pods("a.b", "c"))

        time, query = api.queries
        assert time == "time()"
        assert r'pod=~"a\\.b|c"' in query
        assert 'namespace=~"shop"' in query
        assert 'model=~"filetype"' in query
        assert r'cluster="a\"b"' in query
        assert query.endswith("[60s]")

    asyncio.run(run())


def test_many_pods_are_asked_for_in_several_questions() -> None:
    async def run() -> None:
        api = Api()
        async with prometheus(api) as source:
            result = await source.samples(
                pods(*(f"pod-{n}" for n in range(2 * PODS_PER_QUERY + 1)))
            )

        assert len(api.queries) == 4
        assert max(map(len, api.queries)) < 8000
        assert len(result.problems) == 2 * PODS_PER_QUERY + 1

    asyncio.run(run())


class Bad(NamedTuple):
    instead: Instead
    says: str
    why: str


SILENCES = [
    Bad(status_500, "500", "whatever its body says"),
    Bad(status_401, "401", "a wrong token"),
    Bad(elsewhere, "redirects", "a login page would get the token"),
    Bad(web_page, "no Prometheus", "another server at that address"),
    Bad(failed_query, "no Prometheus", "a status of 200 and no result"),
    Bad(another_json, "no Prometheus", "another server at that address"),
    Bad(no_time, "no Prometheus", "no number"),
    Bad(never, "in time", "a server that hangs"),
    Bad(drips, "in time", "a byte now and then does not hold a thread"),
    Bad(endless, "longer than", "memory is bounded"),
    Bad(cut_short, "cannot be asked", "a connection that breaks"),
    Bad(compressed, "compresses", "a few bytes can be gigabytes"),
]


@pytest.mark.parametrize("bad", SILENCES, ids=lambda bad: bad.instead.__name__)
def test_no_usable_answer_is_no_sample_and_a_reason(
    bad: Bad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_connection, "MAX_BYTES", 2**22)

    async def run() -> None:
        api = Api()
        api.instead = bad.instead
        async with prometheus(api, timeout_seconds=1.0) as source:
            result = await source.samples(TARGETS)

        assert result.pods == {}, bad.why
        assert bad.says in result.problems[TARGET.instance]

    asyncio.run(run())


def test_nobody_there_is_a_reason() -> None:
    async def run() -> None:
        async with served(Api().answer) as port:
            pass
        source = Prometheus(PrometheusAddress(f"http://127.0.0.1:{port}"), Clock())
        result = await source.samples(TARGETS)
        await source.close()

        assert "cannot be asked" in result.problems[TARGET.instance]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ([], "no samples"),
        ({"not": "a list"}, "not what Prometheus answers"),
        (pod({98: 7}, namespace="prod"), "no samples"),
        (pod({98: 7}, instance="10.9.9.9:8002"), "no samples"),
        (pod({98: "NaN"}), "nothing of the arrivals"),
        (pod({98: 7})[:1], "nothing of the arrivals"),
    ],
)
def test_an_answer_without_our_pods_is_no_sample_and_a_reason(result: Any, says: str) -> None:
    async def run() -> None:
        api = Api()
        api.result = result
        async with prometheus(api) as source:
            taken = await source.samples(TARGETS)

        assert taken.pods == {}
        assert says in taken.problems[TARGET.instance]
        assert taken.taken == 100

    asyncio.run(run())


def test_while_it_does_not_answer_nobody_asks_again_for_a_moment() -> None:
    async def run() -> None:
        api, clock = Api(), Clock()
        api.result = pod({98: 7})
        api.instead = status_500
        async with prometheus(api, clock) as source:
            first = await source.samples(TARGETS)
            second = await source.samples(TARGETS)
            assert len(api.requests) == 1, "a thousand services would wait for each other"
            assert first.problems == second.problems

            clock.now += AWAY_SECONDS
            api.instead = None
            third = await source.samples(TARGETS)

        assert set(third.pods) == {TARGET.instance}

    asyncio.run(run())


def test_while_it_does_not_answer_what_it_told_grows_older() -> None:
    """Stale after a while, and then lost: never fresh, and never forgotten at once."""

    async def run() -> list[float]:
        api, clock = Api(), Clock()
        api.result = pod({98: 7})
        ages = []
        seen: Seen | None = None
        async with prometheus(api, clock) as source:
            for _ in range(4):
                seen = with_samples(seen, await source.samples(TARGETS), TARGETS)
                ages.append(look(seen, TARGETS, 250).age_seconds)
                api.instead = status_500
                clock.now += 20
        return ages

    assert asyncio.run(run()) == [2, 22, 42, 62]


def test_a_slow_answer_does_not_tell_how_clocks_differ() -> None:
    async def run() -> float:
        api, clock = Api(), Clock()

        async def slow(request: web.Request) -> web.StreamResponse:
            clock.now += 3
            api.instead = None
            return await api.answer(request)

        async with prometheus(api, clock) as source:
            await source.samples(TARGETS)
            api.instead = slow
            await source.samples(TARGETS)
            api.instead = status_500
            return (await source.samples(TARGETS)).taken

    assert asyncio.run(run()) == 103, "100 when it answered, three seconds ago"


def test_a_wrong_question_is_not_held_against_others() -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "error", "error": "parse error"}, status=400)

    async def run() -> None:
        api = Api()
        api.instead = refuse
        async with prometheus(api) as source:
            await source.samples(TARGETS)
            await source.samples(TARGETS)

        assert len(api.requests) == 2

    asyncio.run(run())


def test_token_and_headers_go_with_every_question_and_new_ones_are_read(tmp_path: Path) -> None:
    async def run() -> None:
        api, token = Api(), tmp_path / "token"
        token.write_text("first\n")
        tenant = tmp_path / "tenant"
        tenant.write_text("shop\n")
        headers = {"X-Scope-OrgID": tenant}
        async with prometheus(api, token_file=token, header_files=headers) as source:
            await source.samples(TARGETS)
            token.write_text("second")
            tenant.write_text("all")
            await source.samples(TARGETS)

        sent = [request.headers["Authorization"] for request in api.requests]
        assert sent == ["Bearer first"] * 2 + ["Bearer second"] * 2
        tenants = [request.headers["X-Scope-OrgID"] for request in api.requests]
        assert tenants == ["shop"] * 2 + ["all"] * 2

    asyncio.run(run())


@pytest.mark.parametrize(
    "content", [None, b"", b"\n", b"a\nb", b"\xff", b"a\x00b", b"a" * (2**16 + 1)]
)
@pytest.mark.parametrize("of", ["token", "X-Tenant"])
def test_without_a_usable_token_or_header_nothing_is_sent(
    content: bytes | None, of: str, tmp_path: Path
) -> None:
    async def run() -> None:
        api, file = Api(), tmp_path / "file"
        if content is not None:
            file.write_bytes(content)
        address = {"token_file": file} if of == "token" else {"header_files": {of: file}}
        async with prometheus(api, **address) as source:
            result = await source.samples(TARGETS)

        assert api.requests == []
        problem = result.problems[TARGET.instance]
        assert of in problem
        assert str(tmp_path) not in problem

    asyncio.run(run())


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def run() -> None:
        api = Api()
        async with prometheus(api) as source:
            await source.samples(TARGETS)

        assert len(api.requests) == 2
        assert "Authorization" not in api.requests[0].headers

    asyncio.run(run())


def test_a_prometheus_below_a_path_is_asked_there() -> None:
    async def run() -> None:
        api = Api()
        async with prometheus(api, path="/monitoring/") as source:
            await source.samples(TARGETS)

        assert {request.path for request in api.requests} == {"/monitoring/api/v1/query"}

    asyncio.run(run())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "prometheus:9090",
        "ftp://p/",
        "http://",
        "http://a:b@p/",
        "http://p/?a=b",
        "http://p:99999",
        "http://p:x",
        "http://[::1",
    ],
)
def test_what_is_no_address_of_a_prometheus_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL of Prometheus"):
        PrometheusAddress(url)


def test_history_asks_for_one_hour_in_steps_of_a_bin() -> None:
    async def run() -> None:
        api = Api()
        api.now = 7203.4
        async with prometheus(api) as source:
            bins = await source.history(TARGETS, ["filetype-cpu"])

        assert [one.arrivals for one in bins] == [None] * 720
        assert (bins[0].end, bins[-1].end) == (3605, 7200)
        _, values, stamps = api.requests
        for request in (values, stamps):
            assert request.path == "/api/v1/query_range"
            asked = {name: request.query[name] for name in ("start", "end", "step")}
            assert asked == {"start": "3600", "end": "7200", "step": "5"}
        assert "timestamp(" in stamps.query["query"]
        assert r"filetype-cpu-[a-z0-9]+-[a-z0-9]{5}" in values.query["query"]

    asyncio.run(run())


def test_history_that_is_not_to_be_had_is_an_error_with_a_reason() -> None:
    async def run() -> None:
        api = Api()
        api.instead = status_500
        async with prometheus(api) as source:
            await source.history(TARGETS, ["filetype-cpu"])

    with pytest.raises(PrometheusSilent, match="500"):
        asyncio.run(run())
