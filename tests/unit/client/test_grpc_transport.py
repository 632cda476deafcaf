"""gRPC on the loopback: what servers can do to a client, and what it makes of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest

from e2e.harness.waiting import wait_until
from tests.unit.client.grpc_servers import Answer, doubled, server
from tests.unit.client.servers import BUSY, hanging, refused_url, serving
from triton_operator.client.grpc_transport import GrpcTransport
from triton_operator.client.outcome import Outcome, Reply
from triton_operator.client.request import Request, tensors
from triton_operator.client.tls import Tls

REQUEST = Request("m", tensors({"x": np.arange(3, dtype=np.int32)}))


def says(code: grpc.StatusCode, message: str) -> Answer:
    return lambda _, context: context.abort(code, message)


def sent(url: str, seconds: float = 10.0) -> Reply:
    transport = GrpcTransport(url, Tls())
    try:
        return transport.send(REQUEST, seconds)
    finally:
        transport.close()


def test_an_answer_is_read() -> None:
    with server(doubled) as url:
        reply = sent(url)

    assert reply.outcome is Outcome.SERVED
    assert reply.outputs["y"].tolist() == [0, 2, 4]


@pytest.mark.parametrize(
    ("code", "message", "outcome"),
    [
        (grpc.StatusCode.UNAVAILABLE, "Exceeds maximum queue size", Outcome.OVERLOADED),
        (grpc.StatusCode.INVALID_ARGUMENT, "unexpected shape", Outcome.REFUSED),
        (grpc.StatusCode.NOT_FOUND, "unknown model", Outcome.NOT_THERE),
        (grpc.StatusCode.INTERNAL, "CUDA error", Outcome.FAILED),
    ],
    ids=str,
)
def test_tritons_words_are_told(code: grpc.StatusCode, message: str, outcome: Outcome) -> None:
    with server(says(code, message)) as url:
        assert sent(url) == Reply(outcome, code.name, message)


def test_nobody_listens() -> None:
    assert sent(refused_url()).outcome is Outcome.UNREACHABLE


def test_no_answer_in_time() -> None:
    over = threading.Event()
    with serving(hanging) as seen:
        assert sent(seen.url, 0.4).outcome is Outcome.TIMED_OUT
    with server(lambda *_: over.wait()) as url:
        assert sent(url, 0.4).outcome is Outcome.TIMED_OUT
        over.set()


def test_a_server_that_speaks_something_else() -> None:
    with serving(BUSY) as seen:
        assert sent(seen.url).outcome is Outcome.UNREACHABLE


def test_an_answer_that_cannot_be_read() -> None:
    def short(request: Any, context: Any) -> Any:
        answer = doubled(request, context)
        answer.raw_output_contents[0] = b"123"
        return answer

    with server(short) as url:
        assert sent(url).outcome is Outcome.MISBEHAVED


def test_one_that_comes_back_is_asked_at_once() -> None:
    """gRPC itself waits longer after each connection that failed, up to two minutes."""
    url = refused_url()
    transport = GrpcTransport(url, Tls())
    for _ in range(4):
        assert transport.send(REQUEST, 5.0).outcome is Outcome.UNREACHABLE
    with server(doubled, int(url.rpartition(":")[2])):
        assert transport.send(REQUEST, 5.0).outcome is Outcome.SERVED
    transport.close()


def test_calls_under_way_end_where_they_began() -> None:
    """The channel is given up for the next call, not for those that it carries."""
    began, over = threading.Event(), threading.Event()

    def slow(request: Any, context: Any) -> Any:
        began.set()
        assert over.wait(30)
        return doubled(request, context)

    with server(slow) as url, ThreadPoolExecutor(1) as pool:
        transport = GrpcTransport(url, Tls())
        first = pool.submit(transport.send, REQUEST, 30.0)
        assert began.wait(30)
        assert transport.send(REQUEST, 0.3).outcome is Outcome.TIMED_OUT
        transport.close()
        over.set()
        assert first.result(30).outcome is Outcome.SERVED


def test_a_dead_connection_is_not_shared() -> None:
    """gRPC gives channels to one address the same connection for as long as any of them has it."""
    with serving(hanging) as seen, ThreadPoolExecutor(1) as pool:
        transport = GrpcTransport(seen.url, Tls())
        patient = pool.submit(transport.send, REQUEST, 3.0)
        wait_until("a connection", lambda: seen.connections == 1, timeout_seconds=30)
        assert transport.send(REQUEST, 0.2).outcome is Outcome.TIMED_OUT
        assert seen.connections == 1
        assert transport.send(REQUEST, 1.0).outcome is Outcome.TIMED_OUT
        assert seen.connections == 2
        transport.close()
        assert patient.result(30).outcome is Outcome.TIMED_OUT


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(hanging) as proxy, server(doubled) as url:
        for name in ("http_proxy", "https_proxy", "grpc_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert sent(url).outcome is Outcome.SERVED

    assert proxy.connections == 0
