"""The load generator against servers of a few lines: what it counts is what happened."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from e2e.load_generator import load_generator

WITHIN_MILLISECONDS = 200


@contextmanager
def server(status: int = 200, seconds: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the bodies of the requests that it got."""
    bodies: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            time.sleep(seconds)
            self.send_response(status)
            text = b"{}" if status == 200 else b'{"error":"Request timeout expired"}'
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{httpd.server_port}", bodies
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def offered(folder: Path, addresses: list[str], rates: str = "60\n60\n", timeout: int = 1) -> Any:
    """The figures of some seconds of load on these servers."""
    file = folder / "rates"
    file.write_text(rates)
    with load_generator(
        folder, file, "m", WITHIN_MILLISECONDS, timeout_seconds=timeout
    ) as generator:
        generator.send_to(addresses)
        return generator.result()


def test_every_request_is_counted_once_where_it_belongs(tmp_path: Path) -> None:
    with server() as (address, bodies):
        found = offered(tmp_path, [address], "40\n0\n80\n")

    assert found["requests"] == found["within"] + found["late"] == len(bodies)
    assert [row["sent"] for row in found["rows"]][1] == 0
    # Poisson: six standard deviations around 120.
    assert 54 < found["requests"] < 186
    assert found["kinds"] == {}


def test_requests_are_spread_and_a_server_that_left_gets_none(tmp_path: Path) -> None:
    file = tmp_path / "rates"
    file.write_text("100\n" * 60)
    with (
        server() as (first, to_first),
        server() as (second, to_second),
        load_generator(tmp_path, file, "m", WITHIN_MILLISECONDS) as generator,
    ):
        generator.send_to([first, second])
        while min(len(to_first), len(to_second)) < 20:
            time.sleep(0.05)
        generator.send_to([second])
        seen = generator.so_far.get("second", 0)
        while generator.so_far.get("second", 0) < seen + 2:
            time.sleep(0.05)
        left = len(to_first)
        later = len(to_second)
        while len(to_second) < later + 20:
            time.sleep(0.05)
        assert len(to_first) == left
        generator.stop()
        found = generator.result()

    assert found["failed"] == 0
    assert found["requests"] == len(to_first) + len(to_second)


def test_late_refused_and_lost_requests_are_told_apart(tmp_path: Path) -> None:
    with server(seconds=0.3) as (slow, _):
        assert offered(tmp_path, [slow])["within"] == 0
    with server(status=503) as (full, _):
        refused = offered(tmp_path, [full])
    with server(seconds=3) as (silent, _):
        lost = offered(tmp_path, [silent])

    assert refused["rejected"] == refused["requests"] > 0
    assert list(lost["kinds"]) == ["unanswered"]
    assert lost["failed"] == lost["requests"]


def test_nobody_to_ask_is_a_failure(tmp_path: Path) -> None:
    found = offered(tmp_path, [])

    assert found["kinds"] == {"no server is ready": found["requests"]}
