"""HTTP on the loopback: what servers can do to a client, and what it makes of it."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.unit.client.servers import (
    BUSY,
    FINE,
    SERVED,
    Handler,
    Seen,
    answering,
    hanging,
    refused_url,
    serving,
)
from triton_operator.client.errors import BadInput
from triton_operator.client.http_transport import LONGEST_KEPT_SECONDS, HttpTransport
from triton_operator.client.outcome import Outcome, Reply
from triton_operator.client.request import Request, SequencePart, tensors
from triton_operator.client.timed_connection import TimedConnection, TimedSocket
from triton_operator.client.tls import Tls

REQUEST = Request("m", tensors({"x": np.arange(3, dtype=np.int32)}))


def sent(url: str, seconds: float = 5.0, request: Request = REQUEST) -> Reply:
    transport = HttpTransport(url, Tls())
    try:
        return transport.send(request, seconds)
    finally:
        transport.close()


def test_an_answer_is_read() -> None:
    with serving(FINE) as seen:
        reply = sent(f"{seen.url}/gateway/", request=Request("a/b", REQUEST.inputs, version="2"))

    assert reply.outcome is Outcome.SERVED
    assert reply.outputs["y"].tolist() == [4, 5]
    assert seen.received.startswith(b"POST /gateway/v2/models/a%2Fb/versions/2/infer HTTP/1.1\r\n")


def test_what_is_sent_is_what_triton_reads() -> None:
    request = Request(
        "m", REQUEST.inputs, ("y",), request_id="r", sequence=SequencePart(7, True, False)
    )
    with serving(FINE) as seen:
        sent(seen.url, request=request)

    head, _, body = seen.received.partition(b"\r\n\r\n")
    (length,) = [line.split(b": ")[1] for line in head.split(b"\r\n") if b"Inference" in line]
    assert body[int(length) :] == np.arange(3, dtype=np.int32).tobytes()
    text = body[: int(length)].decode()
    assert '"sequence_id":7' in text
    assert '"sequence_start":true' in text
    assert '"id":"r"' in text


def test_connections_stay_open() -> None:
    with serving(FINE) as seen:
        transport = HttpTransport(seen.url, Tls())
        assert [transport.send(REQUEST, 5).outcome for _ in range(5)] == [Outcome.SERVED] * 5
        transport.close()
        assert seen.connections == 1


def test_an_old_connection_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that another pod of a Service is chosen now and then."""
    with serving(FINE) as seen:
        transport = HttpTransport(seen.url, Tls())
        assert transport.send(REQUEST, 5).outcome is Outcome.SERVED
        later = time.monotonic() + LONGEST_KEPT_SECONDS
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert transport.send(REQUEST, 5).outcome is Outcome.SERVED
        transport.close()

    assert seen.connections == 2


def test_one_that_the_server_closed_is_not_used_again() -> None:
    def once(connection: socket.socket, seen: Seen) -> None:
        seen.read_request(connection)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(SERVED)}\r\n\r\n"
        connection.sendall(head.encode() + SERVED)

    with serving(once) as seen:
        transport = HttpTransport(seen.url, Tls())
        for number in range(3):
            assert transport.send(REQUEST, 5).outcome is Outcome.SERVED
            (idle,) = transport._idle
            _await_end(idle)
            assert seen.connections == number + 1
        transport.close()


def _await_end(connection: TimedConnection) -> None:
    """Until the other end has said that it closes."""
    readable, _, _ = select.select([connection.sock], [], [], 5)
    assert readable


@pytest.mark.parametrize("status", ["400 Bad Request", "503 Service Unavailable", "500 Oh"])
def test_tritons_words_are_told(status: str) -> None:
    with serving(answering(status, b'{"error": "in its own words"}')) as seen:
        reply = sent(seen.url)

    assert (reply.status, reply.message) == (status[:3], "in its own words")
    assert reply.outcome is not Outcome.SERVED


def test_a_redirect_is_not_followed() -> None:
    """It could lead out of here."""
    with serving(FINE) as elsewhere:
        for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
            with serving(answering(status, headers=f"Location: {elsewhere.url}\r\n")) as seen:
                assert sent(seen.url).outcome is Outcome.MISBEHAVED
        assert elsewhere.connections == 0


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(FINE) as proxy, serving(FINE) as seen:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert sent(seen.url).outcome is Outcome.SERVED

    assert proxy.connections == 0


def test_nobody_listens() -> None:
    reply = sent(refused_url())

    assert (reply.outcome, "refused" in reply.message) == (Outcome.UNREACHABLE, True)


def test_a_name_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    reply = sent("http://no-such-host.invalid:8000")

    assert reply.outcome is Outcome.UNREACHABLE
    assert "not known" in reply.message


def test_a_lookup_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the link is cut, and the resolver is behind it."""
    over, found = threading.Event(), threading.Event()
    with serving(FINE) as seen:

        def slow(*_: object, **__: object) -> list[object]:
            over.wait(3)
            found.set()
            return [(socket.AF_INET, 0, 0, "", ("127.0.0.1", seen.port))]

        monkeypatch.setattr(socket, "getaddrinfo", slow)
        assert sent("http://slow.invalid:8000", 0.2).outcome is Outcome.TIMED_OUT
        assert not found.is_set(), "nobody waited for it"
        over.set()
        assert sent("http://slow.invalid:8000").outcome is Outcome.SERVED


def test_another_address_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(FINE) as seen:
        nobody = ("127.0.0.2", seen.port)
        rows = [(socket.AF_INET, 0, 0, "", at) for at in (nobody, ("127.0.0.1", seen.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
        assert sent("http://two-addresses.invalid:8000").outcome is Outcome.SERVED


DRIPS = 150
"""Each 20 ms: an answer that is there after three seconds, and never silent until then."""


def _drip(connection: socket.socket, seen: Seen) -> None:
    seen.read_request(connection)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {DRIPS + len(SERVED)}\r\n\r\n"
    connection.sendall(head.encode())
    for _ in range(DRIPS):
        seen.over.wait(0.02)
        connection.sendall(b" ")
    connection.sendall(SERVED)


def _drip_head(connection: socket.socket, seen: Seen) -> None:
    seen.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(DRIPS):
        seen.over.wait(0.02)
        connection.sendall(b"a")
    connection.sendall(b"\r\nContent-Length: %d\r\n\r\n" % len(SERVED) + SERVED)


@pytest.mark.parametrize("handler", [hanging, _drip, _drip_head], ids=lambda one: one.__name__)
def test_no_answer_in_time(handler: Handler) -> None:
    """However slowly something comes: every byte is in time, and the answer is not."""
    with serving(handler) as seen:
        assert sent(seen.url, 0.4).outcome is Outcome.TIMED_OUT


@pytest.mark.parametrize("handler", [_drip, _drip_head], ids=lambda one: one.__name__)
def test_a_slow_answer_is_one(handler: Handler) -> None:
    with serving(handler) as seen:
        assert sent(seen.url, 60.0).outcome is Outcome.SERVED


def test_a_body_that_nobody_reads() -> None:
    large = Request("m", tensors({"x": np.zeros(4 << 20, np.int64)}))

    def deaf(_: socket.socket, seen: Seen) -> None:
        seen.over.wait()

    with serving(deaf) as seen:
        assert sent(seen.url, 0.4, large).outcome is Outcome.TIMED_OUT


def test_a_body_that_is_hardly_read() -> None:
    """A bit of it is taken each time before one would give up."""
    near, far = socket.socketpair()
    deadline = time.monotonic() + 0.4

    def left() -> float:
        if (seconds := deadline - time.monotonic()) <= 0:
            raise TimeoutError
        return seconds

    def read_slowly() -> int:
        read = 0
        while data := far.recv(4096):
            read += len(data)
            over.wait(0.02)
        return read

    over = threading.Event()
    body = bytes(1 << 20)
    with near, far, ThreadPoolExecutor(1) as pool:
        near.settimeout(0.4)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        reader = pool.submit(read_slowly)
        try:
            with pytest.raises(TimeoutError):
                TimedSocket(near, left).sendall(body)
        finally:
            near.shutdown(socket.SHUT_WR)
            over.set()
        assert reader.result() < len(body)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (b"", Outcome.UNREACHABLE),
        (b"SSH-2.0-server\r\n\r\n", Outcome.MISBEHAVED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", Outcome.UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Outcome.MISBEHAVED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Outcome.MISBEHAVED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xff\xff\xff", Outcome.MISBEHAVED),
        (
            b"HTTP/1.1 200 OK\r\nInference-Header-Content-Length: -9\r\n"
            b"Content-Length: 2\r\n\r\n[]",
            Outcome.MISBEHAVED,
        ),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + SERVED, Outcome.SERVED),
    ],
    ids=range(8),
)
def test_answers_of_all_kinds(text: bytes, outcome: Outcome) -> None:
    def handler(connection: socket.socket, seen: Seen) -> None:
        seen.read_request(connection)
        connection.sendall(text)

    with serving(handler) as seen:
        assert sent(seen.url).outcome is outcome


def test_a_connection_that_is_reset() -> None:
    def reset(connection: socket.socket, seen: Seen) -> None:
        seen.read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with serving(reset) as seen:
        assert sent(seen.url).outcome is Outcome.UNREACHABLE


def test_a_tensor_that_cannot_be_written() -> None:
    with serving(FINE) as seen:
        request = Request("m", tensors({"x": np.array([{"a": 1}, object()], np.object_)}))
        reply = sent(seen.url, request=request)
        assert reply.outcome is Outcome.SERVED, (
            "objects are written as their text, as tritonclient does"
        )
        with pytest.raises(BadInput, match=r"inputs\.x: dtype complex128"):
            tensors({"x": np.zeros(2, complex)})
        with pytest.raises(BadInput, match="at least one"):
            tensors({})


@pytest.fixture
def busy() -> Iterator[Seen]:
    with serving(BUSY) as seen:
        yield seen


def test_a_closed_transport_keeps_nothing(busy: Seen) -> None:
    transport = HttpTransport(busy.url, Tls())
    transport.close()
    assert transport.send(REQUEST, 5).outcome is Outcome.OVERLOADED
    assert transport._idle == []
