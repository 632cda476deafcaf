"""What Google has in front of its storage, and its emulator lacks: who may come in.

Tokens are handed out for assertions that a service account's key has signed, and asked for.
"""

import base64
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

TOKEN = "ya29.for-tests"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Gate"

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        answer: dict[str, object] = {"error": "invalid_grant"}
        if self.server.signed(form["assertion"][0]):
            answer = {"access_token": TOKEN, "expires_in": self.server.token_seconds}
            self.server.tokens += 1
        self._say(200 if "access_token" in answer else 400, json.dumps(answer).encode())

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._say(401, b"<Error><Code>AuthenticationRequired</Code></Error>")
            return
        asked = {n: v for n, v in self.headers.items() if n in ("Range", "Accept-Encoding")}
        with closing(http.client.HTTPConnection(self.server.backend)) as connection:
            connection.request("GET", self.path, headers={**asked, "Host": "storage.test"})
            answer = connection.getresponse()
            self._say(answer.status, answer.read(), dict(answer.getheaders()))

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name in ("ETag", "Last-Modified", "Content-Range"):
            if text := (headers or {}).get(name) or (headers or {}).get(name.title()):
                self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Gate(ThreadingHTTPServer):
    """Before `backend`; knows the public key of one service account."""

    def __init__(self, backend: str, key: RSAPublicKey, account: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.backend, self._key, self._account = backend, key, account
        self.token_seconds = 3600
        self.tokens = 0
        self.address = f"127.0.0.1:{self.server_port}"

    def signed(self, assertion: str) -> bool:
        text, _, signature = assertion.rpartition(".")
        try:
            self._key.verify(_bytes(signature), text.encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        claims = json.loads(_bytes(text.partition(".")[2]))
        return (
            claims["iss"] == self._account
            and claims["scope"] == SCOPE
            and claims["aud"] == f"http://{self.address}/token"
            and claims["iat"] - 60 < time.time() < claims["exp"]
        )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what is tested here."""


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@contextmanager
def gate(backend: str, key: RSAPublicKey, account: str) -> Iterator[Gate]:
    with Gate(backend, key, account) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()
