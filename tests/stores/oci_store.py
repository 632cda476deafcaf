"""The registry of the distribution project, which takes only tokens of our token server."""

import base64
import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from e2e.harness.binaries import ensure
from tests.stores.command import HOST
from tests.stores.servers import free_port, server
from tests.stores.stocked import FILES, FOLDER, Stocked
from triton_operator.model.authorization import basic

USER, PASSWORD = "puller", "not-a-real-password"
REPOSITORY = "team/models"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class TokenServer(ThreadingHTTPServer):
    """Hands out tokens that the registry knows by this server's key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), TokenHandler)
        self.key = generate_private_key(65537, 2048)
        self.address = f"127.0.0.1:{self.server_port}"
        self.tokens = 0

    def jwks(self) -> str:
        numbers = self.key.public_key().public_numbers()
        parts = {"n": numbers.n, "e": numbers.e}
        text = {k: _base64(v.to_bytes((v.bit_length() + 7) // 8)) for k, v in parts.items()}
        return json.dumps(
            {"keys": [{"kty": "RSA", "kid": "k", "alg": "RS256", "use": "sig", **text}]}
        )


class TokenHandler(BaseHTTPRequestHandler):
    server: TokenServer

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != basic(USER, PASSWORD):
            self._say(401, {"errors": [{"code": "UNAUTHORIZED"}]})
            return
        asked = parse_qs(urlsplit(self.path).query)
        kind, name, actions = asked["scope"][0].split(":")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}]
        self.server.tokens += 1
        token = signed_token(self.server.key, asked["service"][0], access)
        self._say(200, {"token": token, "expires_in": 60})

    def _say(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def signed_token(key: RSAPrivateKey, service: str, access: object) -> str:
    now = int(time.time())
    claims = {
        "iss": "tests",
        "sub": USER,
        "aud": service,
        "exp": now + 60,
        "nbf": now - 60,
        "iat": now,
        "jti": "1",
        "access": access,
    }
    header = {"typ": "JWT", "alg": "RS256", "kid": "k"}
    text = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{_base64(key.sign(text.encode(), PKCS1v15(), SHA256()))}"


@contextlib.contextmanager
def oci_store(folder: Path) -> Iterator[tuple[Stocked, TokenServer]]:
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    with TokenServer() as tokens:
        thread = threading.Thread(target=tokens.serve_forever, args=(0.01,))
        thread.start()
        (folder / "jwks.json").write_text(tokens.jwks())
        config = {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": f"127.0.0.1:{port}"},
            "auth": {
                "token": {
                    "realm": f"http://{tokens.address}/token",
                    "service": "registry.test",
                    "issuer": "tests",
                    "jwks": str(folder / "jwks.json"),
                    "signingalgorithms": ["RS256"],
                }
            },
        }
        (folder / "config.yml").write_text(json.dumps(config))
        argv = [ensure("registry"), "serve", folder / "config.yml"]
        try:
            env = {"OTEL_TRACES_EXPORTER": "none"}
            with server("registry", argv, folder, port, "/v2/", env) as address:
                digest = push(address, tokens.key, FILES)
                yield stocked(address, digest), tokens
        finally:
            tokens.shutdown()
            thread.join()


def stocked(address: str, digest: str) -> Stocked:
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    wrong = base64.b64encode(f"{USER}:another".encode()).decode()
    return Stocked(
        address=address,
        uri=lambda host: f"oci://{host}/{REPOSITORY}@{digest}",
        missing=lambda host: f"oci://{host}/{REPOSITORY}@sha256:{'0' * 64}",
        endpoint=lambda _: None,
        secret={".dockerconfigjson": json.dumps({"auths": {HOST: {"auth": auth}}})},
        wrong={".dockerconfigjson": json.dumps({"auths": {HOST: {"auth": wrong}}})},
        word="MANIFEST_UNKNOWN",
    )


def push(
    address: str,
    key: RSAPrivateKey,
    files: dict[str, bytes],
    kind: str = "application/octet-stream",
) -> str:
    """Push `files` as an artifact, as `oras push` does; the digest of its manifest."""
    scope = [{"type": "repository", "name": REPOSITORY, "actions": ["pull", "push"]}]
    headers = {"Authorization": f"Bearer {signed_token(key, 'registry.test', scope)}"}
    http = urllib3.PoolManager()
    root = f"http://{address}/v2/{REPOSITORY}"

    def blob(data: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        where = http.request("POST", f"{root}/blobs/uploads/", headers=headers).headers["Location"]
        sent = {**headers, "Content-Type": "application/octet-stream"}
        answer = http.request("PUT", f"{where}&digest={digest}", body=data, headers=sent)
        assert answer.status == 201, answer.data
        return digest

    layers = [
        {
            "mediaType": kind,
            "digest": blob(data),
            "size": len(data),
            "annotations": {"org.opencontainers.image.title": path.removeprefix(f"{FOLDER}/")},
        }
        for path, data in files.items()
    ]
    text = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/vnd.example.model",
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": blob(b"{}"),
            "size": 2,
        },
        "layers": layers,
    }
    body = json.dumps(text).encode()
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    answer = http.request(
        "PUT",
        f"{root}/manifests/{digest}",
        body=body,
        headers={**headers, "Content-Type": MANIFEST},
    )
    assert answer.status == 201, answer.data
    http.clear()
    return digest


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
