"""MinIO with one private bucket; it checks every signature."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

from minio import Minio

from e2e.harness.binaries import ensure
from tests.stores.servers import free_port, server
from tests.stores.stocked import FOLDER, Stocked, stock

USER, PASSWORD, REGION = "tester", "not-a-real-key", "eu-test-7"


@contextlib.contextmanager
def s3_store(folder: Path) -> Iterator[Stocked]:
    port = free_port()
    env = {
        "MINIO_ROOT_USER": USER,
        "MINIO_ROOT_PASSWORD": PASSWORD,
        "MINIO_SITE_REGION": REGION,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    argv = [ensure("minio"), "server", "--address", f"127.0.0.1:{port}", folder / "data"]
    with server("minio", argv, folder, port, "/minio/health/ready", env) as address:
        client = Minio(address, USER, PASSWORD, secure=False, region=REGION)
        client.make_bucket("models")
        for path, data in stock().items():
            client.put_object("models", path, io.BytesIO(data), len(data))
        yield Stocked(
            address=address,
            uri=lambda _: f"s3://models/{FOLDER}/m=1.onnx",
            missing=lambda _: "s3://models/nothing.onnx",
            endpoint=lambda host: f"http://{host}",
            secret={"AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": PASSWORD},
            wrong={"AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": "another"},
            word="NoSuchKey",
        )
