"""HTTP over a connection on which everything together ends by a deadline.

The timeout of a socket bounds one call, so that a server that sends a byte now and then is never
late; here each call gets what is left. Looking up a name has no timeout at all, and gets a thread.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

Address = tuple[socket.AddressFamily, Any]


class TimedConnection(http.client.HTTPConnection):
    """`deadline` is a time of `time.monotonic`, and is set before each request.

    What takes longer raises TimeoutError.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port)
        self._context = context
        self.deadline = 0.0
        self.born = time.monotonic()

    def connect(self) -> None:
        """Try each address of the host, each with the same part of what is left."""
        addresses = _addresses(self.host, self.port, self.left())
        for tried, (family, address) in enumerate(addresses, start=1):
            plain = socket.socket(family, socket.SOCK_STREAM)
            try:
                plain.settimeout(self.left() / (len(addresses) - tried + 1))
                plain.connect(address)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                secured = self._secured(plain)
            except OSError:
                plain.close()
                if tried == len(addresses):
                    raise
            else:
                self.sock = TimedSocket(secured, self.left)
                return

    def left(self) -> float:
        """Seconds; never 0, which would mean not to wait at all.

        Raises:
            TimeoutError: nothing is left.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def is_usable(self) -> bool:
        """Whether an idle connection is still open: nobody has anything to say on it."""
        if self.sock is None:
            return False
        readable, _, _ = select.select([self.sock], [], [], 0)
        return not readable

    def _secured(self, plain: socket.socket) -> socket.socket:
        if self._context is None:
            return plain
        plain.settimeout(self.left())
        return self._context.wrap_socket(plain, server_hostname=self.host)


class TimedSocket:
    """As much of a socket as http.client uses; each call has as long as `left` says."""

    def __init__(self, plain: socket.socket, left: Callable[[], float]) -> None:
        self._plain = plain
        self._left = left
        self._reading = 0
        self._closing = False

    def fileno(self) -> int:
        """For select."""
        return self._plain.fileno()

    def sendall(self, data: bytes) -> None:
        """All of it, or TimeoutError."""
        view = memoryview(data)
        while view:
            self._plain.settimeout(self._left())
            view = view[self._plain.send(view) :]

    def receive_into(self, buffer: memoryview) -> int:
        """What is there next; how many bytes."""
        self._plain.settimeout(self._left())
        return self._plain.recv_into(buffer)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """For one answer."""
        self._reading += 1
        return io.BufferedReader(_Reading(self))

    def close(self) -> None:
        """http.client closes the socket of a last answer before it has read it."""
        self._closing = True
        if self._reading == 0:
            self._plain.close()

    def read_to_the_end(self) -> None:
        """An answer was."""
        self._reading -= 1
        if self._closing and self._reading == 0:
            self._plain.close()


class _Reading(io.RawIOBase):
    def __init__(self, source: TimedSocket) -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(memoryview(buffer))

    def close(self) -> None:
        if not self.closed:
            self._source.read_to_the_end()
        super().close()


def _addresses(host: str, port: int, seconds: float) -> list[Address]:
    """Where a host is. A lookup that hangs keeps its thread until the resolver gives up."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return _looked_up(host, port, seconds)
    if literal.version == 6:
        return [(socket.AF_INET6, (host, port, 0, 0))]
    return [(socket.AF_INET, (host, port))]


def _looked_up(host: str, port: int, seconds: float) -> list[Address]:
    answers: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([(family, address) for family, _, _, _, address in rows])
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=look_up, name=f"lookup of {host}", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no address of {host} in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
