import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.planner.generator import packed, play, unpacked

SIZE = 1_000_000
"""Of an answer: it comes in many parts."""


class Answering(BaseHTTPRequestHandler):
    """Answers 200 with a body; 503 to a request that asks for it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if body == b"refuse" else 200)
        self.send_header("Inference-Header-Content-Length", "10")
        self.send_header("Content-Length", str(SIZE))
        self.end_headers()
        self.wfile.write(bytes(SIZE // 2))
        self.wfile.flush()
        self.wfile.write(bytes(SIZE // 2))

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield ("127.0.0.1", server.server_address[1])
        server.shutdown()
        thread.join()


def post(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def never(begin: float, end: float) -> float:
    """The machine stood still for no time."""
    return 0.0


def test_every_request_is_sent_and_answered(address: tuple[str, int]) -> None:
    seen = play(address, [post(b"a"), post(bytes(100_000))], [0.0, 0.0, 0.01, 0.02], 60.0, 2, never)

    assert (seen.sent, seen.planned, seen.late, seen.errors) == (4, 4, 0, 0)
    assert seen.kept
    assert 0 < seen.p50_seconds <= seen.p99_seconds < 60


def test_latency_counts_from_when_a_request_was_due(address: tuple[str, int]) -> None:
    """It was due a minute before the run began, as after a stall of the generator."""
    seen = play(address, [post(b"a")], [-60.0], 30.0, 1, never)

    assert seen.late == 1
    assert seen.p99_seconds > 60
    assert not seen.kept


def test_a_request_is_not_late_by_what_the_machine_stood_still(address: tuple[str, int]) -> None:
    asked = []

    def paused(begin: float, end: float) -> float:
        asked.append(end - begin)
        return 40.0

    seen = play(address, [post(b"a")], [-60.0], 30.0, 1, paused)
    assert seen.kept
    assert asked[0] > 60, "from when it was due until it was answered"
    assert seen.paused_seconds == 40
    assert seen.p99_seconds > 60, "as the client saw it"

    assert play(address, [post(b"a")], [-60.0], 15.0, 1, paused).late == 1


def test_an_error_is_late_and_ends_the_run(address: tuple[str, int]) -> None:
    due = [0.0, *(60.0 + number for number in range(50))]

    seen = play(address, [post(b"refuse")], due, 60.0, 1, never)

    assert seen.stopped
    assert seen.errors == 1
    assert (seen.sent, seen.planned) == (1, 51)
    assert not seen.kept


def test_requests_survive_the_file() -> None:
    requests = [(b"{}abc", 2), (b"", 0), (bytes(300), 7)]

    assert unpacked(packed(requests)) == requests
