"""A relay before a real store that breaks off, stalls, or goes on: what networks do."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class Relay:
    """Passes bytes on; each connection's answer is cut after the next of `cuts` bytes.

    When `cuts` is used up, connections pass whole. `stalls`: stay silent instead of hanging up.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self.cuts: list[int] = []
        self.stalls = False
        self.connections = 0
        self._closing = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(self._target)
            self._open += [near, far]
            cut = self.cuts.pop(0) if self.cuts else None
            for source, into, most in ((near, far, None), (far, near, cut)):
                thread = threading.Thread(target=self._pump, args=(source, into, most))
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, into: socket.socket, most: int | None) -> None:
        left = most
        with contextlib.suppress(OSError):
            while data := source.recv(65536 if left is None else min(65536, left)):
                into.sendall(data)
                if left is not None:
                    left -= len(data)
                    if left == 0:
                        if self.stalls:
                            self._closing.wait()
                        break
        for end in (source, into):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._closing.set()
        # A blocked accept() only comes back from a shutdown.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._open:
            end.close()


@contextlib.contextmanager
def relay(target: tuple[str, int]) -> Iterator[Relay]:
    running = Relay(target)
    try:
        yield running
    finally:
        running.close()
