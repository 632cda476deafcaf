"""A real Prometheus that scrapes the pods of the service, as many as there are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import yaml

from e2e.autoscaling.fleet import Replica
from e2e.harness import apt
from e2e.harness.errors import HarnessError
from e2e.harness.ports import free_ports
from e2e.harness.processes import Running, start
from e2e.harness.waiting import wait_until

METRICS_PORT = 8002
SCRAPE_SECONDS = 5
READY = "Server is ready to receive web requests"


class Prometheus:
    """One server, whose targets are told by a file: Debian's does not know Kubernetes."""

    def __init__(self, folder: Path, address: str, namespace: str) -> None:
        self._folder = folder
        self._address = address
        self._namespace = namespace
        self._port = free_ports(1)[0]
        self._running: Running | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self._address}:{self._port}"

    def start(self) -> None:
        """Start it over its data, and wait until it answers."""
        apt.ensure_commands(["prometheus"])
        binary = apt.find("prometheus")
        if binary is None:
            raise HarnessError("there is no prometheus, though its package is installed")
        config = self._folder / "prometheus.yml"
        job = {"job_name": "pods", "file_sd_configs": [{"files": [str(self._targets)]}]}
        scraping = {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": "3s"}
        config.write_text(yaml.safe_dump({"global": scraping, "scrape_configs": [job]}))
        if not self._targets.exists():
            self.scrape([])
        log = self._folder / "prometheus.log"
        log.unlink(missing_ok=True)
        self._running = start(
            "prometheus",
            [
                binary,
                f"--config.file={config}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address={self._address}:{self._port}",
            ],
            log,
            cwd=self._folder,
            ends_with_us=True,
        )
        # It listens before it has read its own data, and answers 503 until then.
        wait_until(
            "Prometheus",
            lambda: READY in log.read_text(),
            timeout_seconds=60,
            needs=[self._running],
        )

    def stop(self) -> None:
        """Stop it; its data stay."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def scrape(self, replicas: Iterable[Replica]) -> None:
        """Scrape these pods from now on."""
        targets = [
            {
                "targets": [f"{replica.address}:{METRICS_PORT}"],
                "labels": {"namespace": self._namespace, "pod": replica.name},
            }
            for replica in replicas
        ]
        partial = self._targets.with_suffix(".partial")
        partial.write_text(json.dumps(targets))
        partial.rename(self._targets)

    @property
    def _targets(self) -> Path:
        return self._folder / "targets.json"
