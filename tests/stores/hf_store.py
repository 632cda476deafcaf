"""A hub of ours: `/ORG/REPO/resolve/REVISION/FILE` leads to a storage on another port."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

from tests.stores.stocked import FILES, FOLDER, Stocked

TOKEN, REVISION = "hf_forTests", "v1.0+b"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Hub"

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        if path.startswith("/cas/"):
            self._file(FILES[path.removeprefix("/cas/")])
            return
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            # The hub hides private repositories from those who may not see them.
            self._say(401, {"X-Error-Code": "RepoNotFound"})
            return
        # The revision is one step of the path, whatever it is called.
        known = f"/org/repo/resolve/{quote(REVISION, safe='')}/"
        file = unquote(self.path.removeprefix(known))
        if not self.path.startswith(known) or file not in FILES:
            self._say(404, {"X-Error-Code": "EntryNotFound"})
            return
        # Through a relay, the storage is behind it as well.
        host = self.headers["Host"]
        storage = self.server.storage if host == self.server.address else host
        where = f"http://{storage}/cas/{quote(file)}?X-Signature=s3cret"
        self._say(302, {"Location": where, "X-Linked-Size": str(len(FILES[file]))})

    def _file(self, data: bytes) -> None:
        if self.headers.get("Authorization") and self.server.storage == self.server.address:
            self._say(400, {})
            return
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"ETag": '"1"'}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._say(206 if start else 200, headers, data[start:])

    def _say(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, text in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, text)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Hub(ThreadingHTTPServer):
    """The hub, or its storage."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server_port}"
        self.storage = self.address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what is tested here."""


@contextlib.contextmanager
def hf_store() -> Iterator[tuple[Stocked, Hub]]:
    with Hub() as hub, Hub() as storage:
        hub.storage = storage.address
        threads = [
            threading.Thread(target=each.serve_forever, args=(0.01,)) for each in (hub, storage)
        ]
        for thread in threads:
            thread.start()
        try:
            stocked = Stocked(
                address=hub.address,
                uri=lambda _: f"hf://org/repo/{FOLDER}/m=1.onnx@{REVISION}",
                missing=lambda _: f"hf://org/repo/nothing.onnx@{REVISION}",
                endpoint=lambda host: f"http://{host}",
                secret={"HF_TOKEN": TOKEN},
                wrong={"HF_TOKEN": "hf_another"},
                word="EntryNotFound",
            )
            yield stocked, hub
        finally:
            for each in (hub, storage):
                each.shutdown()
            for thread in threads:
                thread.join()
