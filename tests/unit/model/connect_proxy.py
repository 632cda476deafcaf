"""A real CONNECT proxy on loopback, which can also refuse, or want a password."""

import contextlib
import select
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    server: "ConnectProxy"

    def do_CONNECT(self) -> None:
        self.server.tunnels.append(self.path)
        self.server.authorizations.append(self.headers.get("Proxy-Authorization"))
        if self.server.answer != 200:
            self.send_error(self.server.answer)
            return
        if self.server.wants not in (None, self.headers.get("Proxy-Authorization")):
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
            self.end_headers()
            return
        host, _, port = self.path.rpartition(":")
        target = self.server.routes.get(self.path, (host, int(port)))
        with socket.create_connection(target, timeout=5) as upstream:
            self.send_response(200)
            self.end_headers()
            self._relay(upstream)
        self.close_connection = True

    def _relay(self, upstream: socket.socket) -> None:
        ends = {self.connection: upstream, upstream: self.connection}
        with contextlib.suppress(OSError):
            while not self.server.closing.is_set():
                for ready in select.select(list(ends), [], [], 0.05)[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    ends[ready].sendall(data)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class ConnectProxy(ThreadingHTTPServer):
    """Serves until it is closed; `tunnels` has every `host:port` it was asked for, in order."""

    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = 200
        self.routes: dict[str, tuple[str, int]] = {}
        """Where `host:port` really is, for a port that no test can have."""
        self.wants: str | None = None
        """The only Proxy-Authorization that it lets through."""
        self.tunnels: list[str] = []
        self.authorizations: list[str | None] = []
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
