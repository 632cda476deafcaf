"""A real HTTPS store on loopback, whose answers to each path are a list that the test writes."""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Store"

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        answers = self.server.answers.get(self.path, [status(404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self)

    def do_PUT(self) -> None:
        size = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(size)
        self.server.received.append((f"{self.command} {self.path}", body))
        self.server.requests.append((self.path, dict(self.headers)))
        answers = self.server.answers.get(f"{self.command} {self.path}", [status(404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self)

    do_POST = do_HEAD = do_PUT  # noqa: N815  # names of the library

    def head(self, code: int, headers: Mapping[str, object]) -> None:
        self.send_response(code)
        for name, text in headers.items():
            self.send_header(name, str(text))
        self.end_headers()

    def break_off(self) -> None:
        """End the connection without a word."""
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


Answer = Callable[[Handler], None]


def whole(data: bytes, **headers: object) -> Answer:
    """The file, or the part of it that Range asks for if If-Range still fits."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}

    def answer(handler: Handler) -> None:
        asked = handler.headers.get("Range", "")
        known = handler.headers.get("If-Range", "") in (
            named.get("ETag"),
            named.get("Last-Modified"),
        )
        if asked and known:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            ranged = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            handler.head(206, {"Content-Length": len(data) - start, **ranged, **named})
            handler.wfile.write(data[start:])
        else:
            handler.head(200, {"Content-Length": len(data), **named})
            handler.wfile.write(data)

    return answer


def broken(data: bytes, after: int, **headers: object) -> Answer:
    """Announces all of `data`, sends `after` bytes of it, and hangs up."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}

    def answer(handler: Handler) -> None:
        handler.head(200, {"Content-Length": len(data), **named})
        handler.wfile.write(data[:after])
        handler.break_off()

    return answer


def stalled(data: bytes, after: int, **headers: object) -> Answer:
    """Sends `after` bytes, and nothing more until the store is closed."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}

    def answer(handler: Handler) -> None:
        handler.head(200, {"Content-Length": len(data), **named})
        handler.wfile.write(data[:after])
        handler.server.closing.wait()
        handler.break_off()

    return answer


def status(code: int, **headers: object) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda handler: handler.head(code, {"Content-Length": 0, **named})


def sent(head: Mapping[str, object], body: bytes, code: int = 200) -> Answer:
    """Exactly these headers, these bytes, and the end of the connection."""

    def answer(handler: Handler) -> None:
        handler.head(code, head)
        handler.wfile.write(body)
        handler.break_off()

    return answer


class Store(ThreadingHTTPServer):
    """Serves until it is closed; `requests` has every path and its headers, in order.

    Requests other than GET have their answers by `METHOD PATH`, and are in `received` with what
    they brought.
    """

    daemon_threads = False
    block_on_close = True

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.received: list[tuple[str, bytes]] = []
        self.closing = threading.Event()
        self.url = f"https://localhost:{self.server_port}"
        self._connections: list[ssl.SSLSocket] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what is tested here."""

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        # Clients keep connections open for the next request; their threads would wait for it.
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.server_close()


def certificate(folder: Path) -> Path:
    """A key and a self-signed certificate of `localhost`, in one PEM file."""
    pem = folder / "store.pem"
    key = folder / "key.pem"
    certificate = folder / "ca.crt"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    pem.write_bytes(key.read_bytes() + certificate.read_bytes())
    return pem
