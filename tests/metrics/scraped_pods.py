"""Pods of the test's own on loopback addresses: they count requests and tell it as Triton does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.unit.autoscaling.exposition_text import cpu


@dataclass
class CountingPod:
    """What a pod says next; `silent`: it answers with an error.

    `each_time`: so many requests have come whenever it is scraped.
    """

    success: float = 0
    failures: dict[str, float] = field(default_factory=dict)
    pending: float | str = 0
    model: str = "filetype"
    silent: bool = False
    each_time: float = 0

    def text(self) -> str:
        self.success += self.each_time
        return cpu(self.success, self.failures, self.pending, model=self.model, p99="90000")


@contextmanager
def listening(pod: CountingPod, address: str, port: int) -> Iterator[None]:
    """The pod answers at an address of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pod.text().encode()
            self.send_response(500 if pod.silent else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: Prometheus asks five times a second."""

    server = ThreadingHTTPServer((address, port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
