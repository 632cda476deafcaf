"""Which pod is asked for decisions, and what is said where none can be."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.unit.autoscaling.recorded import log_lines, recorded
from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.cli.live import CannotAsk
from triton_operator.cli.operator_pods import (
    NotThere,
    OperatorPod,
    decisions_of,
    leading_pods,
)
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.decisions_endpoint import decision_routes
from triton_operator.controllers.errors import ApiError, ApiRefused, ApiUnavailable
from triton_operator.controllers.kinds import LEASE, POD, Kind

POD_A, POD_B = OperatorPod("ops", "op-a", 8080), OperatorPod("ops", "op-b", 8080)


def pod(name: str, namespace: str = "ops", phase: str = "Running", port: int = 8080) -> Any:
    ports = [{"name": "grpc", "containerPort": 1}, {"name": "http", "containerPort": port}]
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"ports": ports}]},
        "status": {"phase": phase},
    }


class Server:
    """Some pods, and who holds the Leases of their namespaces."""

    def __init__(
        self, pods: list[Any], holders: dict[str, str], error: ApiError | None = None
    ) -> None:
        self._pods, self._holders, self._error = pods, holders, error

    async def find(self, kind: Kind, namespace: str | None, **_: str) -> list[Any]:
        if self._error:
            raise self._error
        if kind is POD:
            return [one for one in self._pods if namespace in (None, one["metadata"]["namespace"])]
        assert kind is LEASE
        holder = self._holders.get(namespace or "")
        return [{"spec": {"holderIdentity": holder}}, {"spec": {}}, {}]


def leading(server: Server, namespace: str | None = None) -> list[OperatorPod]:
    return asyncio.run(leading_pods(server, namespace))  # type: ignore[arg-type]


def test_the_holder_of_the_lease_leads() -> None:
    pods = [pod("op-a"), pod("op-b"), pod("op-b-2")]

    assert leading(Server(pods, {"ops": "op-b_0a1b2c3d"})) == [POD_B]
    assert [one.name for one in leading(Server(pods, {"ops": "op-b-2_0a1b2c3d"}))] == ["op-b-2"]


def test_without_a_lease_all_that_run_are_asked() -> None:
    server = Server([pod("op-a", port=9000), pod("op-b", phase="Pending")], {})

    assert leading(server) == [OperatorPod("ops", "op-a", 9000)]


def test_installations_in_several_namespaces_are_all_asked() -> None:
    pods = [pod("op-a"), pod("op-b"), pod("op-c", "other")]

    found = leading(Server(pods, {"ops": "op-a_00000000", "other": "gone_00000000"}))

    assert [one.name for one in found] == ["op-a", "op-c"]


@pytest.mark.parametrize(
    ("server", "namespace", "says"),
    [
        (Server([], {}), None, "no operator runs in all namespaces: no running pod has the labels"),
        (Server([pod("op-a")], {}), "x", "no operator runs in namespace x"),
        (Server([], {}, ApiRefused(403, "", "no")), None, "no; say where .*--operator-namespace"),
        (Server([], {}, ApiRefused(403, "", "no")), "x", "may not look .* in namespace x: no$"),
        (Server([], {}, ApiUnavailable(0, "", "timed out")), "x", "does not answer: timed out"),
    ],
)
def test_where_there_is_none_to_ask(server: Server, namespace: str | None, says: str) -> None:
    with pytest.raises(CannotAsk, match=says):
        leading(server, namespace)


def asked(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], *pods: OperatorPod
) -> bytes:
    """What comes of asking pods behind an API server that passes requests on as `answer` does."""

    async def scenario() -> bytes:
        application = web.Application()
        application.router.add_get(
            "/api/v1/namespaces/{place}/pods/{pod}/proxy/decisions/{namespace}/{name}", answer
        )
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            host, port = runner.addresses[0][:2]
            async with aiohttp.ClientSession() as session:
                connection = Connection(f"http://{host}:{port}", session)
                return await decisions_of(connection, pods or [POD_A], "shop", "a")
        finally:
            await runner.cleanup()

    return asyncio.run(scenario())


def from_log(log: DecisionLog) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    (route,) = decision_routes(log)
    assert route.path == "/decisions/{namespace}/{name}"
    return route.handler  # type: ignore[return-value]


def test_the_log_arrives_whole() -> None:
    records = recorded((60.0, 60), (400.0, 60), (60.0, 90))
    log = DecisionLog()
    for record in records:
        log.append("shop/a", record)

    assert asked(from_log(log)).decode().splitlines() == log_lines(records)


def test_an_unknown_service_is_told_in_the_operator_s_words() -> None:
    with pytest.raises(NotThere) as error:
        asked(from_log(DecisionLog()), POD_A, POD_B)

    first, second = str(error.value).splitlines()
    assert first.startswith("ops/op-a: no decisions on shop/a are kept here: ")
    assert second.startswith("ops/op-b: ")


def test_the_pod_that_has_it_is_found() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.match_info["pod"] == "op-a:8080":
            return web.Response(status=404, text="no decisions on it")
        return web.Response(text="a line\n")

    assert asked(answer, POD_A, POD_B) == b"a line\n"


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (404, "404: Not Found", NotThere, "an operator of a version that keeps no decisions"),
        (
            403,
            json.dumps({"kind": "Status", "message": "pods is forbidden"}),
            CannotAsk,
            "pods is forbidden; `get` of pods/proxy in namespace ops is needed",
        ),
        (
            404,
            json.dumps({"kind": "Status", "message": 'pods "op-a" not found'}),
            CannotAsk,
            'does not answer: 404 pods "op-a" not found',
        ),
        (503, "upstream", CannotAsk, "ops/op-a does not answer: 503 upstream"),
    ],
)
def test_what_is_wrong_is_said(status: int, body: str, kind: type[Exception], says: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body)

    with pytest.raises(kind, match=says):
        asked(answer)


def test_an_answer_that_breaks_off_is_no_log() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    with pytest.raises(CannotAsk, match="does not answer"):
        asked(answer)
