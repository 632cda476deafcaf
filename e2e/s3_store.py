"""MinIO over TLS on an address that pods reach, with one model in a private bucket."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3
from minio import Minio

from e2e.harness.binaries import ensure
from e2e.harness.ports import free_ports
from e2e.harness.processes import start
from e2e.harness.waiting import wait_until
from e2e.https_store import certify
from e2e.services import Services

USER, PASSWORD = "tester", "not-a-real-key"
BUCKET = "models"
SECRET_NAME = "store"


@dataclass(frozen=True)
class S3Store:
    """`secret`: literals of a Secret; `authority`: PEM file of who signed the certificate."""

    endpoint: str
    authority: Path
    secret: dict[str, str]

    @property
    def model(self) -> dict[str, str]:
        """`spec.model` of a service whose namespace is admitted."""
        return {
            "uri": f"s3://{BUCKET}/model.onnx",
            "endpoint": self.endpoint,
            "secretName": SECRET_NAME,
        }

    def admit(self, services: Services) -> None:
        """Give the namespace of these services the Secret by which they read."""
        services.kubectl(
            *("create", "secret", "generic", SECRET_NAME, f"--from-file=ca.crt={self.authority}"),
            *(f"--from-literal={key}={text}" for key, text in self.secret.items()),
        )


@contextmanager
def s3_store(folder: Path, host: str, model: Path) -> Iterator[S3Store]:
    """The store, with `model` as `s3://models/model.onnx`, until the block ends."""
    certificates = folder / "certificates"
    certificates.mkdir(parents=True)
    certify(certificates, host)
    for name, wanted in (("server.crt", "public.crt"), ("server.key", "private.key")):
        (certificates / name).rename(certificates / wanted)
    authority = (certificates / "ca.crt").rename(folder / "ca.crt")
    (port,) = free_ports(1, host)
    env = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": PASSWORD, "MINIO_BROWSER": "off"}
    words: list[str | Path] = [
        "server",
        "--certs-dir",
        certificates,
        "--address",
        f"{host}:{port}",
        folder / "data",
    ]
    running = start(
        "minio", [ensure("minio"), *words], folder / "minio.log", env=env, ends_with_us=True
    )
    http = urllib3.PoolManager(ca_certs=str(authority), retries=False)
    url = f"https://{host}:{port}"

    def ready() -> bool:
        try:
            return http.request("GET", f"{url}/minio/health/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    try:
        wait_until("MinIO is ready", ready, timeout_seconds=60, needs=[running])
        client = Minio(f"{host}:{port}", USER, PASSWORD, http_client=http)
        client.make_bucket(BUCKET)
        data = model.read_bytes()
        client.put_object(BUCKET, "model.onnx", io.BytesIO(data), len(data))
        keys = {"AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": PASSWORD}
        yield S3Store(url, authority, keys)
    finally:
        http.clear()
        running.stop()
