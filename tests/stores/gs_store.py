"""fake-gcs-server with one bucket, behind a gate that wants Google's tokens."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from e2e.harness.binaries import ensure
from tests.stores.forwarding import Gate, gate
from tests.stores.servers import free_port, server
from tests.stores.stocked import FOLDER, Stocked, stock

ACCOUNT = "reader@project.iam.gserviceaccount.com"


@contextlib.contextmanager
def gs_store(folder: Path) -> Iterator[tuple[Stocked, Gate]]:
    port = free_port()
    for path, data in stock().items():
        file = folder / "seed" / "models" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    argv = [
        ensure("fake-gcs-server"),
        *("-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"),
        *("-data", folder / "seed", "-public-host", "storage.test", "-log-level", "error"),
    ]
    key, other = (generate_private_key(65537, 2048) for _ in range(2))
    with (
        server("fake-gcs-server", argv, folder, port, "/storage/v1/b") as backend,
        gate(backend, key.public_key(), ACCOUNT) as before,
    ):
        stocked = Stocked(
            address=before.address,
            uri=lambda _: f"gs://models/{FOLDER}/m=1.onnx",
            missing=lambda _: "gs://models/nothing.onnx",
            endpoint=lambda host: f"http://{host}",
            secret={"service-account.json": key_file(key, before.address)},
            wrong={"service-account.json": key_file(other, before.address)},
            word=None,
        )
        yield stocked, before


def key_file(key: RSAPrivateKey, address: str) -> str:
    """As Google Cloud writes it."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "client_email": ACCOUNT,
            "token_uri": f"http://{address}/token",
        }
    )
