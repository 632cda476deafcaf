"""A store with one model, over HTTPS, for as long as an installation is checked."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from triton_operator.api.visible_text import visible
from triton_operator.cli.sample_model import SAMPLE_MODEL

PATH = "/model.onnx"


class _Handler(BaseHTTPRequestHandler):
    timeout = 30

    def do_GET(self) -> None:
        if self.path != PATH:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(SAMPLE_MODEL)))
        self.end_headers()
        self.wfile.write(SAMPLE_MODEL)

    def log_message(self, format: str, *args: object) -> None:
        print(visible(f"store: {self.address_string()} {format % args}"), flush=True)


class _Store(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__(("", port), _Handler)
        # The handshake in the thread of its connection: a silent client must not stop the others.
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )


@contextmanager
def sample_store(tls_dir: Path, port: int) -> Iterator[int]:
    """Serve the model with `tls.crt` and `tls.key`; the port that was taken (0 takes any).

    Raises:
        OSError: the files cannot be read, or the port is taken.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_dir / "tls.crt", tls_dir / "tls.key")
    with _Store(port, context) as store:
        thread = threading.Thread(target=store.serve_forever, daemon=True)
        thread.start()
        try:
            yield store.server_address[1]
        finally:
            store.shutdown()
            thread.join()
