"""Requests to the API server, over a real connection: paths, bodies, and what answers mean."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from triton_operator.api.group import FIELD_MANAGER
from triton_operator.controllers.answer_bounds import UNBOUNDED, AnswerBounds
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import (
    ApiConflict,
    ApiError,
    ApiRefused,
    ApiTooMuch,
    ApiUnavailable,
)
from triton_operator.controllers.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    INFERENCE_SERVICE,
    LEASE,
    POD,
    SERVING_POOL,
)

Answer = web.Response


@dataclass
class Server:
    """Answers in their order, and what was asked."""

    answers: list[Answer]
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.asked.append(
            {
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "type": request.headers.get("Content-Type"),
                "accept": request.headers.get("Accept"),
                "body": body,
            }
        )
        return self.answers.pop(0)


def ok(**body: Any) -> Answer:
    return web.json_response(body)


def status(code: int, reason: str, message: str, **headers: str) -> Answer:
    body = {"kind": "Status", "reason": reason, "message": message}
    return web.json_response(body, status=code, headers=headers)


def asked(
    ask: Callable[[ApiServer], Awaitable[Any]],
    *answers: Answer,
    write_seconds: Callable[[], float] = lambda: 30.0,
    bounds: AnswerBounds = UNBOUNDED,
) -> tuple[Any, list[dict[str, Any]]]:
    """The result of `ask`, and the requests that it made."""

    async def scenario() -> tuple[Any, list[dict[str, Any]]]:
        server = Server(list(answers))
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", server.handle)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            async with aiohttp.ClientSession() as session:
                connection = Connection(f"http://{host}:{port}", session, bounds=bounds)
                api = ApiServer(connection, write_seconds=write_seconds)
                return await ask(api), server.asked
        finally:
            await runner.cleanup()

    return asyncio.run(scenario())


MANIFEST = {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}, "data": {"a": "b"}}


@pytest.mark.parametrize("force", [True, False])
def test_apply(force: bool) -> None:
    answer, (request,) = asked(
        lambda api: api.apply(CONFIG_MAP, MANIFEST, force=force), ok(kind="ConfigMap")
    )

    assert answer == {"kind": "ConfigMap"}
    assert request == {
        "method": "PATCH",
        "path": "/api/v1/namespaces/shop/configmaps/c",
        "query": {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"},
        "type": "application/apply-patch+yaml",
        "accept": "*/*",
        "body": MANIFEST,
    }


def test_another_writer_has_its_own_name_and_tells_its_limit() -> None:
    async def ask(api: ApiServer) -> None:
        connection = Connection(api._server, api._session)
        other = ApiServer(connection, field_manager="other", tells_limit=True, timeout_seconds=2.5)
        await other.apply(CONFIG_MAP, MANIFEST, force=False)
        await other.get(CONFIG_MAP, "shop", "c")

    _, (applied, read) = asked(ask, ok(), ok())

    assert applied["query"] == {"fieldManager": "other", "force": "false", "timeout": "3s"}
    assert read["query"] == {"timeout": "3s"}


def test_a_listing_has_all_pages_and_a_version_to_watch_from() -> None:
    pages = (
        ok(items=[{"a": 1}], metadata={"continue": "more", "resourceVersion": "7"}),
        ok(items=None, metadata={"resourceVersion": "7"}),
    )
    found, asked_for = asked(lambda api: api.listing(POD, "shop", label_selector="x"), *pages)

    assert found == ([{"a": 1}], "7")
    assert [one["query"].get("continue") for one in asked_for] == [None, "more"]


def page(*rows: Any, more: str = "more") -> Answer:
    return ok(items=rows, metadata={"continue": more, "resourceVersion": "7"})


@pytest.mark.parametrize(
    ("bounds", "said", "read"),
    [
        (AnswerBounds(page_size=2, pages=3), "pods: more than 3 pages", 4),
        (AnswerBounds(page_size=2, rows=3), "pods: more than 3 rows", 2),
        (AnswerBounds(page_size=2, memory=2000), "pods: more than 0.0019.* MiB of memory", 2),
    ],
)
def test_a_listing_without_an_end_is_an_error(bounds: AnswerBounds, said: str, read: int) -> None:
    """Whoever is not trusted may go on for ever, and fill the memory of this process."""
    pages = [page({"a": "x" * 100}, {"a": "x" * 100}) for _ in range(9)]
    asked_for: list[Any] = []

    async def ask(api: ApiServer) -> None:
        with pytest.raises(ApiTooMuch, match=said):
            await api.listing(POD, None)
        asked_for.append(api.requests)

    _, requests = asked(ask, *pages, bounds=bounds)

    assert asked_for == [read]
    assert {one["query"]["limit"] for one in requests} == {"2"}


def test_one_after_the_other_takes_more_than_is_kept_and_has_an_end_too() -> None:
    async def ask(api: ApiServer) -> int:
        return len([row async for row in api.each(POD, None, field_selector="a=b")])

    kept = AnswerBounds(pages=3, memory=2000)
    rows = {"a": "x" * 100}
    found, requests = asked(ask, page(rows, rows), page(rows), page(rows, more=""), bounds=kept)
    assert found == 4
    assert [one["query"] for one in requests][1] == {
        "fieldSelector": "a=b",
        "limit": "500",
        "continue": "more",
    }
    with pytest.raises(ApiTooMuch, match="more than 3 pages"):
        asked(ask, *(page(rows) for _ in range(4)), bounds=kept)


def test_an_answer_that_would_grow_too_large_is_not_parsed() -> None:
    """A short text may become 25 times as much."""
    bounds = AnswerBounds(memory=100_000)
    greedy = [[] for _ in range(2000)]

    assert asked(lambda api: api.get(POD, "shop", "a"), ok(a="x" * 90_000), bounds=bounds)
    with pytest.raises(ApiTooMuch, match="one answer: more than"):
        asked(lambda api: api.get(POD, "shop", "a"), ok(a=greedy), bounds=bounds)
    with pytest.raises(ApiTooMuch, match="one answer: more than"):
        asked(
            lambda api: api.apply(CONFIG_MAP, MANIFEST, force=True),
            web.json_response({"message": greedy}, status=422),
            bounds=bounds,
        )


def test_a_status_goes_to_its_subresource_and_to_this_object_only() -> None:
    _, (request,) = asked(
        lambda api: api.apply_status(INFERENCE_SERVICE, "shop", "a", "uid", {"replicas": 1}), ok()
    )

    assert request["path"].endswith("/namespaces/shop/inferenceservices/a/status")
    assert request["body"]["metadata"] == {"name": "a", "namespace": "shop", "uid": "uid"}
    assert request["body"]["status"] == {"replicas": 1}
    assert request["body"]["apiVersion"] == INFERENCE_SERVICE.api_version
    assert request["query"]["force"] == "true"


def test_the_status_of_a_cluster_scoped_object_has_no_namespace() -> None:
    _, (request,) = asked(
        lambda api: api.apply_status(SERVING_POOL, "", "p", "uid", {"nodes": 1}), ok()
    )

    assert request["path"].endswith("/servingpools/p/status")
    assert request["body"]["metadata"] == {"name": "p", "uid": "uid"}


def test_replicas_go_through_the_scale_subresource_and_nothing_else_does() -> None:
    _, (request,) = asked(lambda api: api.scale(DEPLOYMENT, "shop", "d", 3), ok())

    assert request["path"] == "/apis/apps/v1/namespaces/shop/deployments/d/scale"
    assert request["type"] == "application/merge-patch+json"
    assert request["body"] == {"spec": {"replicas": 3}}


def test_a_merge_goes_to_the_object_itself() -> None:
    _, (request,) = asked(
        lambda api: api.merge(DEPLOYMENT, "shop", "d", {"spec": {"a": [1]}}), ok()
    )

    assert (request["method"], request["path"]) == (
        "PATCH",
        "/apis/apps/v1/namespaces/shop/deployments/d",
    )
    assert request["type"] == "application/merge-patch+json"
    assert request["query"] == {"fieldManager": FIELD_MANAGER}
    assert request["body"] == {"spec": {"a": [1]}}


def test_only_the_object_that_was_seen_is_deleted() -> None:
    _, (request,) = asked(lambda api: api.delete(DEPLOYMENT, "shop", "d", "uid"), ok())

    assert (request["method"], request["path"]) == (
        "DELETE",
        "/apis/apps/v1/namespaces/shop/deployments/d",
    )
    assert request["body"] == {"preconditions": {"uid": "uid"}, "propagationPolicy": "Background"}


def test_what_is_gone_already_is_deleted() -> None:
    asked(lambda api: api.delete(DEPLOYMENT, "shop", "d", "u"), status(404, "NotFound", "gone"))


def test_an_object_that_is_not_there_is_none() -> None:
    answer, _ = asked(lambda api: api.get(POD, "shop", "p"), status(404, "NotFound", "no"))

    assert answer is None


def test_an_event_is_created_in_its_namespace() -> None:
    _, (request,) = asked(lambda api: api.create(EVENT, "shop", {"kind": "Event"}), ok())

    assert (request["method"], request["path"]) == (
        "POST",
        "/apis/events.k8s.io/v1/namespaces/shop/events",
    )
    assert request["type"] == "application/json"


def item(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": f"u-{name}", "resourceVersion": "7"}
    return {"metadata": metadata}


def test_a_listing_goes_page_by_page_and_asks_for_metadata_only() -> None:
    async def names(api: ApiServer) -> list[str]:
        return [one.name async for one in api.identities(POD, None, "a=b")]

    answer, requests = asked(
        names,
        ok(metadata={"continue": "next"}, items=[item("x"), item("y")]),
        ok(metadata={}, items=[item("z")]),
    )

    assert answer == ["x", "y", "z"]
    assert [request["query"].get("continue") for request in requests] == [None, "next"]
    for request in requests:
        assert request["path"] == "/api/v1/pods"
        assert request["query"]["labelSelector"] == "a=b"
        assert "PartialObjectMetadataList" in request["accept"]


def test_a_listing_of_nothing_is_empty() -> None:
    """The API server writes `null` for a list without items."""

    async def names(api: ApiServer) -> list[str]:
        return [one.name async for one in api.identities(POD, "shop", "")]

    answer, (request,) = asked(names, ok(metadata={}, items=None))

    assert answer == []
    assert request["path"] == "/api/v1/namespaces/shop/pods"
    assert "labelSelector" not in request["query"]


def test_a_refusal_has_the_servers_reason_and_words() -> None:
    with pytest.raises(ApiRefused) as refused:
        asked(
            lambda api: api.apply(CONFIG_MAP, MANIFEST, force=True),
            status(422, "Invalid", "data: too long"),
        )

    assert (refused.value.reason, refused.value.message) == ("Invalid", "data: too long")


def test_a_conflict_is_one() -> None:
    with pytest.raises(ApiConflict):
        asked(
            lambda api: api.apply(CONFIG_MAP, MANIFEST, force=False),
            status(409, "Conflict", "field managed by kubectl"),
        )


def test_too_many_requests_say_when_to_come_back() -> None:
    with pytest.raises(ApiUnavailable) as busy:
        asked(
            lambda api: api.scale(DEPLOYMENT, "shop", "d", 1),
            status(429, "TooManyRequests", "busy", **{"Retry-After": "3"}),
        )

    assert busy.value.retry_after == 3.0


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=502, text="<html>bad gateway</html>"),
        web.Response(status=503, text='"just a string"', content_type="application/json"),
    ],
    ids=["a proxy's page", "no object"],
)
def test_an_answer_that_is_no_status_is_quoted(answer: Answer) -> None:
    with pytest.raises(ApiUnavailable) as error:
        asked(lambda api: api.get(POD, "shop", "p"), answer)

    assert error.value.message


def test_no_answer_says_which_request_had_none() -> None:
    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            # Port 1 is reserved; nothing listens there.
            await ApiServer(Connection("http://127.0.0.1:1", session)).get(POD, "shop", "p")

    with pytest.raises(ApiUnavailable) as error:
        asyncio.run(scenario())

    assert error.value.status == 0
    assert "GET /api/v1/namespaces/shop/pods/p" in error.value.message


def test_requests_are_counted() -> None:
    async def twice(api: ApiServer) -> int:
        await api.get(POD, "shop", "a")
        await api.get(POD, "shop", "b")
        return api.requests

    assert asked(twice, ok(), ok())[0] == 2


def test_replace_carries_the_version_that_it_replaces() -> None:
    lease = {"kind": "Lease", "metadata": {"name": "l", "namespace": "s", "resourceVersion": "7"}}
    _, (request,) = asked(lambda api: api.replace(LEASE, lease), ok())

    assert request["method"] == "PUT"
    assert request["path"] == "/apis/coordination.k8s.io/v1/namespaces/s/leases/l"
    assert request["body"] == lease


WRITES: dict[str, Callable[[ApiServer], Awaitable[Any]]] = {
    "apply": lambda api: api.apply(CONFIG_MAP, MANIFEST, force=True),
    "status": lambda api: api.apply_status(SERVING_POOL, "", "p", "uid", {}),
    "merge": lambda api: api.merge(DEPLOYMENT, "shop", "a", {}),
    "scale": lambda api: api.scale(DEPLOYMENT, "shop", "a", 2),
    "delete": lambda api: api.delete(DEPLOYMENT, "shop", "a", "uid"),
    "create": lambda api: api.create(EVENT, "shop", {}),
    "replace": lambda api: api.replace(LEASE, MANIFEST),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_who_does_not_lead_writes_nothing(write: Callable[[ApiServer], Awaitable[Any]]) -> None:
    """It is refused before anything is sent; looking is free."""

    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            # Port 1 is reserved: an attempt would end as a connection error.
            connection = Connection("http://127.0.0.1:1", session)
            follower = ApiServer(connection, write_seconds=lambda: 0.0)
            with pytest.raises(ApiUnavailable, match="NotLeading"):
                await write(follower)
            assert follower.requests == 0
            with pytest.raises(ApiUnavailable, match="Connect"):
                await follower.get(POD, "shop", "p")

    asyncio.run(scenario())


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_that_waits_to_be_sent_when_the_lease_runs_out_is_not_sent(
    write: Callable[[ApiServer], Awaitable[Any]],
) -> None:
    """As when a process is suspended between its look at the clock and the sending."""
    limits = iter([10.0, 0.0])

    async def attempt(api: ApiServer) -> None:
        with pytest.raises(ApiUnavailable, match="NotLeading"):
            await write(api)
        await api.get(POD, "shop", "p")

    _, requests = asked(attempt, ok(), write_seconds=lambda: next(limits))

    assert [request["method"] for request in requests] == ["GET"]


def test_a_write_is_given_up_before_the_lease_can_be_anothers() -> None:
    async def scenario() -> None:
        async def silent(_: web.Request) -> web.Response:
            await asyncio.Event().wait()
            raise AssertionError

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", silent)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            async with aiohttp.ClientSession() as session:
                connection = Connection(f"http://{host}:{port}", session)
                leader = ApiServer(connection, write_seconds=lambda: 0.05)
                with pytest.raises(ApiUnavailable, match="Timeout"):
                    await leader.apply(CONFIG_MAP, MANIFEST, force=True)
        finally:
            await runner.cleanup()

    asyncio.run(scenario())


def test_whether_a_kind_may_be_listed_in_a_namespace() -> None:
    """One page of one object's metadata tells."""

    async def ask(api: ApiServer) -> list[bool]:
        return [await api.may_list(POD, "shop"), await api.may_list(POD, None)]

    answer, (first, second) = asked(
        ask, ok(items=[], metadata={}), status(403, "Forbidden", "User cannot list")
    )

    assert answer == [True, False]
    assert (first["path"], second["path"]) == ("/api/v1/namespaces/shop/pods", "/api/v1/pods")
    assert first["query"] == {"limit": "1"}
    assert "PartialObjectMetadataList" in first["accept"]


# code of the answer: whether the namespace exists, as far as this account may know
NAMESPACE_ANSWERS = {200: True, 404: False, 403: None}


@pytest.mark.parametrize("code", NAMESPACE_ANSWERS)
def test_whether_a_namespace_exists(code: int) -> None:
    answer, (request,) = asked(lambda api: api.namespace_exists("shop"), status(code, "any", "any"))

    assert answer is NAMESPACE_ANSWERS[code]
    assert request["path"] == "/api/v1/namespaces/shop"


@pytest.mark.parametrize("code", [401, 503])
def test_what_says_nothing_about_rights_is_no_answer(code: int) -> None:
    for question in (
        lambda api: api.may_list(POD, "shop"),
        lambda api: api.namespace_exists("shop"),
    ):
        with pytest.raises(ApiError):
            asked(question, status(code, "any", "any"))


def test_a_closed_connection_is_no_bug() -> None:
    async def scenario() -> None:
        session = aiohttp.ClientSession()
        await session.close()
        await ApiServer(Connection("http://127.0.0.1:1", session)).get(POD, "shop", "p")

    with pytest.raises(ApiUnavailable, match="closed"):
        asyncio.run(scenario())
