"""Servers on the loopback that answer as they are told, and count what they were sent."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Handler = Callable[[socket.socket, "Seen"], None]


@dataclass
class Seen:
    """`port` of 127.0.0.1; `connections` that were accepted, and `received` on all of them."""

    port: int
    connections: int = 0
    received: bytes = b""
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def read(self, connection: socket.socket) -> bytes:
        """What is there next; nothing at the end."""
        data = connection.recv(1 << 16)
        self.received += data
        return data

    def read_request(self, connection: socket.socket) -> bytes:
        """A whole one of HTTP; nothing at the end."""
        text = b""
        while b"\r\n\r\n" not in text:
            if not (data := self.read(connection)):
                return b""
            text += data
        head, _, body = text.partition(b"\r\n\r\n")
        found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        length = int(found[1]) if found else 0
        while len(body) < length:
            body += self.read(connection)
        return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def serving(handler: Handler) -> Iterator[Seen]:
    """Each connection has a thread of its own; all end with the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen = Seen(listener.getsockname()[1])
    open_ones: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            handler(connection, seen)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                seen.connections += 1
                open_ones.append(connection)
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        seen.over.set()
        for one in (listener, *open_ones):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        thread.join(5)


def refused_url() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def hanging(connection: socket.socket, seen: Seen) -> None:
    """Reads, and never answers."""
    while seen.read(connection):
        pass


def answering(status: str, body: bytes = b"", headers: str = "") -> Handler:
    """The same to each request, on connections that stay open."""
    text = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body

    def handler(connection: socket.socket, seen: Seen) -> None:
        while seen.read_request(connection):
            connection.sendall(text)

    return handler


BUSY = answering("503 Service Unavailable", b'{"error": "Exceeds maximum queue size"}')
SERVED = b"""{"model_name": "m", "model_version": "1", "outputs": [
    {"name": "y", "datatype": "INT32", "shape": [2], "data": [4, 5]}]}"""
FINE = answering("200 OK", SERVED)
