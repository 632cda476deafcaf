"""What counts as an answer of a member's API server, and what is of something else on the way."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from triton_operator.agent.reach import Reach
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError

NAMESPACE = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-system"}}


def refusal(code: int, reason: str) -> dict[str, Any]:
    """As an API server words it."""
    return {"kind": "Status", "status": "Failure", "reason": reason, "message": "", "code": code}


def asked(status: int, body: Any) -> list[ApiError | None]:
    """What is told of a server that answers so; `body`: text, or what JSON is made of."""

    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/api/v1/namespaces/kube-system"
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        return web.json_response(body, status=status)

    async def scenario() -> list[ApiError | None]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()

        async def connect() -> Connection:
            address = f"http://127.0.0.1:{runner.addresses[0][1]}"
            return Connection(address, aiohttp.ClientSession(trust_env=False))

        told: list[ApiError | None] = []
        reach = Reach(connect, told.append, clock=asyncio.get_running_loop().time)
        try:
            with contextlib.suppress(ApiError):
                await reach.ask()
        finally:
            await reach.close()
            await runner.cleanup()
        return told

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, NAMESPACE), (403, refusal(403, "Forbidden"))],
)
def test_an_api_server_that_knows_the_account_has_answered(status: int, body: Any) -> None:
    assert asked(status, body) == [None]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, refusal(404, "NotFound")),
        (404, "<h1>no such site</h1>"),
        (403, "<h1>blocked by policy</h1>"),
        (403, {"error": "blocked", "reason": "Forbidden"}),
        (403, ["Status"]),
        (401, refusal(401, "Unauthorized")),
        (400, refusal(400, "BadRequest")),
        (407, "log in"),
        (503, refusal(503, "ServiceUnavailable")),
        (200, "<h1>log in</h1>"),
        (200, "[" * 100_000),
        (200, []),
        (200, {}),
        (200, {"kind": "Namespace", "metadata": None}),
        (200, {**NAMESPACE, "metadata": {"name": "default"}}),
        (200, {**NAMESPACE, "kind": "Status"}),
    ],
)
def test_what_is_no_api_server_of_a_cluster_is_no_answer(status: int, body: Any) -> None:
    (told,) = asked(status, body)

    assert isinstance(told, ApiError)
    assert (told.status == 401) is (status == 401), "only that says something of the account"
