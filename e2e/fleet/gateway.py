"""What stands at a cluster's door: one address for a service's pods, and who is sent where."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from e2e.harness.errors import HarnessError
from e2e.harness.kubectl import Kubectl
from e2e.harness.topology import Topology
from e2e.load_generator import LoadGenerator
from e2e.services import Services

POLL_SECONDS = 1.0


def door(topology: Topology, port: int) -> str:
    """`host:port` of a cluster's door, which a NodePort opens."""
    return f"{topology.node_ip}:{port}"


def open_door(services: Services, service: str, port: int) -> None:
    """The pods of a service that get requests answer at the node's port, as behind a gateway."""
    spec = services.get("service", service)["spec"]
    target = next(row["targetPort"] for row in spec["ports"] if row["port"] == 8000)
    Kubectl(services.cluster.kubeconfig).apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": f"door-{port}", "namespace": services.namespace},
                "spec": {
                    "type": "NodePort",
                    "selector": spec["selector"],
                    "ports": [{"port": 8000, "targetPort": target, "nodePort": port}],
                },
            }
        ]
    )


def shares(endpoints: Iterable[Mapping[str, Any]], own: str) -> dict[str, int]:
    """Percent of the requests by `host:port`, of endpoints as a cluster's ConfigMap has them.

    The cluster itself is its door, `own`: names of Services mean nothing outside of it.
    """
    return {
        own if one.get("local") else urlsplit(one["url"]).netloc: share
        for one in endpoints
        if (share := one.get("weightPercent", 0))
    }


class Router:
    """Sends a generator's requests as `read` says, for as long as the body runs.

    `read` gives endpoints; what it fails with changes nothing, as a router keeps its last routes.
    """

    def __init__(
        self,
        generator: LoadGenerator,
        read: Callable[[], Iterable[Mapping[str, Any]]],
        own: str,
    ) -> None:
        self._generator = generator
        self._read = read
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="router", daemon=True)
        self._own = own
        self.shares = {own: 100}

    def __enter__(self) -> Router:
        self._send()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            try:
                found = shares(self._read(), self._own)
            except (HarnessError, LookupError, ValueError):
                continue
            if found:
                self.shares = found
                self._send()

    def _send(self) -> None:
        # The generator picks one of its servers at random: each stands there once per percent.
        self._generator.send_to(
            address for address, share in self.shares.items() for _ in range(share)
        )
