"""A real Prometheus on a loopback port, which scrapes pods of the test's own."""

import contextlib
import json
import shutil
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from e2e.harness import apt
from e2e.harness.pki import Pair
from e2e.harness.ports import free_ports
from e2e.harness.processes import Running, start
from e2e.harness.waiting import wait_until
from triton_operator.autoscaling.samples import PodTarget

SCRAPE_SECONDS = 1
READY = "Server is ready to receive web requests"


@contextlib.contextmanager
def prometheus_server(
    folder: Path, targets: Sequence[PodTarget], pod_port: int, pair: Pair | None = None
) -> Iterator[tuple[str, Running]]:
    """Its URL and its process; each target is scraped at its own address, every second.

    It answers over TLS where it is given a certificate.
    """
    apt.ensure_commands(["prometheus"])
    binary = apt.find("prometheus")
    assert binary is not None
    config = folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": f"{SCRAPE_SECONDS}s"},
                "scrape_configs": [
                    {
                        "job_name": "pods",
                        "static_configs": [
                            {
                                "targets": [f"{target.address}:{pod_port}"],
                                "labels": {"namespace": target.namespace, "pod": target.pod},
                            }
                            for target in targets
                        ],
                    }
                ],
            }
        )
    )
    (port,) = free_ports(1)
    argv = [
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


def successes(url: str, pod: str) -> dict[str, float]:
    """Successes of a pod by time, of the last minute."""
    query = f"nv_inference_request_success%7Bpod%3D%22{pod}%22%7D%5B60s%5D"
    with urllib.request.urlopen(f"{url}/api/v1/query?query={query}", timeout=10) as response:
        result = json.load(response)["data"]["result"]
    return {float(time): float(value) for one in result for time, value in one["values"]}
