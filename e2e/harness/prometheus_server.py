"""A real Prometheus on a loopback port, which scrapes what it is told."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from e2e.harness import apt
from e2e.harness.pki import Pair
from e2e.harness.ports import free_ports
from e2e.harness.processes import Running, start
from e2e.harness.waiting import wait_until

READY = "Server is ready to receive web requests"


@contextlib.contextmanager
def prometheus_server(
    folder: Path,
    targets: Mapping[str, Mapping[str, str]],
    pair: Pair | None = None,
    scrape_seconds: int = 1,
) -> Iterator[tuple[str, Running]]:
    """Its URL and its process. `targets` are labels by HOST:PORT, scraped every `scrape_seconds`.

    It answers over TLS where it is given a certificate.
    """
    apt.ensure_commands(["prometheus"])
    binary = apt.find("prometheus")
    assert binary is not None
    config = folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": f"{scrape_seconds}s"},
                "scrape_configs": [
                    {
                        "job_name": "pods",
                        "static_configs": [
                            {"targets": [address], "labels": dict(names)}
                            for address, names in targets.items()
                        ],
                    }
                ],
            }
        )
    )
    (port,) = free_ports(1)
    argv: list[str | Path] = [
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    if pair is not None:
        web_config = folder / "web.yml"
        tls = {"cert_file": str(pair.cert), "key_file": str(pair.key)}
        web_config.write_text(yaml.safe_dump({"tls_server_config": tls}))
        argv.append(f"--web.config.file={web_config}")
    url = f"{'http' if pair is None else 'https'}://127.0.0.1:{port}"
    log = folder / "prometheus.log"
    running = start("prometheus", argv, log, cwd=folder, ends_with_us=True)
    try:
        # It listens before it has read its own data, and answers 503 until then.
        wait_until(
            "Prometheus", lambda: READY in log.read_text(), timeout_seconds=60, needs=[running]
        )
        yield url, running
    finally:
        running.stop()
        shutil.rmtree(folder / "data", ignore_errors=True)
