"""Azurite, Microsoft's own emulator, with one private container."""

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

from azure.storage.blob import BlobServiceClient

from e2e.harness.npm import ensure_program
from e2e.harness.versions import AZURITE
from tests.stores.servers import free_port, server
from tests.stores.stocked import FILES, FOLDER, Stocked

ACCOUNT, KEY = "testers", base64.b64encode(b"the key of testers").decode()
VERSION = "2021-12-02"
"""Of the protocol; the newest client is ahead of the emulator."""
SCRIPT = "dist/src/blob/main.js"


@contextlib.contextmanager
def abfs_store(folder: Path) -> Iterator[Stocked]:
    port = free_port()
    argv = [
        *ensure_program("azurite", AZURITE, SCRIPT),
        *("--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", folder / "data"),
        *("--silent", "--disableTelemetry"),
    ]
    env = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with server("azurite", argv, folder, port, f"/{ACCOUNT}", env) as address:
        credential = {"account_name": ACCOUNT, "account_key": KEY}
        with BlobServiceClient(
            f"http://{address}/{ACCOUNT}", credential=credential, api_version=VERSION
        ) as client:
            container = client.create_container("models")
            for path, data in FILES.items():
                container.upload_blob(path, data)
        yield Stocked(
            address=address,
            uri=lambda _: f"abfs://models@{ACCOUNT}.dfs.core.windows.net/{FOLDER}/m=1.onnx",
            missing=lambda _: f"abfs://models@{ACCOUNT}.dfs.core.windows.net/nothing.onnx",
            endpoint=lambda host: f"http://{host}/{ACCOUNT}",
            secret={"AZURE_STORAGE_ACCOUNT_KEY": KEY},
            wrong={"AZURE_STORAGE_ACCOUNT_KEY": base64.b64encode(b"another").decode()},
            word="BlobNotFound",
        )
