"""The replicas of a service as they come and go: who gets requests, and what they cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from e2e.services import SERVICE_LABEL
from e2e.watched import watched

ROLE = "serving.triton-operator.io/role=serve"
ENDPOINTS_OF = "kubernetes.io/service-name"
HTTP_PORT = 8000


@dataclass
class Replica:
    """One pod. Times are of `time.monotonic()`; None: not yet."""

    name: str
    created: float
    address: str | None = None
    ready: bool = False
    first_ready: float | None = None
    gone: float | None = None


@dataclass(frozen=True)
class Sample:
    """How many replicas there were at one moment: ordered, existing (stopping ones too), ready."""

    time: float
    ordered: int
    existing: int
    ready: int


class Fleet:
    """Follows the pods and Deployments of one service, and the endpoints of its Service.

    `on_change` is called after each change of a pod or an endpoint, one call at a time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._endpoints: dict[str, list[str]] = {}
        self._replicas: dict[str, Replica] = {}
        self._ordered: dict[str, int] = {}
        self._orders: list[tuple[float, int]] = []
        self.on_change: Callable[[], None] = lambda: None

    @classmethod
    @contextmanager
    def followed(cls, kubeconfig: Path, namespace: str, service: str) -> Iterator[Fleet]:
        """The fleet of a service, kept up to date while the body runs."""
        fleet = cls()
        selector = f"{SERVICE_LABEL}={service}"
        # The Service over all pools has the service's name.
        slices = f"{ENDPOINTS_OF}={service}"
        with ExitStack() as watches:
            for kind, chosen, change in (
                ("deployments", selector, fleet.deployment_changed),
                ("pods", f"{selector},{ROLE}", fleet.pod_changed),
                ("endpointslices", slices, fleet.endpoints_changed),
            ):
                watches.enter_context(watched(kubeconfig, namespace, kind, chosen, change))
            yield fleet

    def pod_changed(self, what: str, pod: Any, now: float) -> None:
        """One event of a watch of pods."""
        metadata, status = pod["metadata"], pod.get("status", {})
        with self._lock:
            replica = self._replicas.setdefault(
                metadata["uid"], Replica(metadata["name"], created=now)
            )
            replica.address = status.get("podIP")
            conditions = {row["type"]: row["status"] for row in status.get("conditions", [])}
            stopping = what == "DELETED" or "deletionTimestamp" in metadata
            replica.ready = conditions.get("Ready") == "True" and not stopping
            if replica.ready and replica.first_ready is None:
                replica.first_ready = now
            if what == "DELETED":
                replica.gone = replica.gone or now
        self.tell()

    def endpoints_changed(self, what: str, part: Any, now: float) -> None:
        """One event of a watch of EndpointSlices: what kube-proxy sees, and when it does."""
        # Whose readiness is not told is to be taken as ready (discovery.k8s.io/v1).
        ready = [
            endpoint["addresses"][0]
            for endpoint in part.get("endpoints") or ()
            if (endpoint.get("conditions") or {}).get("ready") is not False
        ]
        with self._lock:
            self._endpoints[part["metadata"]["name"]] = [] if what == "DELETED" else ready
        self.tell()

    def tell(self) -> None:
        """Call `on_change`."""
        with self._telling:
            self.on_change()

    def deployment_changed(self, what: str, deployment: Any, now: float) -> None:
        """One event of a watch of Deployments."""
        name = deployment["metadata"]["name"]
        with self._lock:
            before = sum(self._ordered.values())
            self._ordered[name] = 0 if what == "DELETED" else deployment["spec"]["replicas"]
            after = sum(self._ordered.values())
            if after != before:
                self._orders.append((now, after))

    def ready(self) -> list[Replica]:
        """Those whose probe answers, whether they get requests or not."""
        with self._lock:
            return self._ready()

    def receiving(self) -> list[str]:
        """`host:port` of each that the Service sends requests to."""
        with self._lock:
            hosts = {host for part in self._endpoints.values() for host in part}
        return [f"{host}:{HTTP_PORT}" for host in sorted(hosts)]

    def _ready(self) -> list[Replica]:
        return [replica for replica in self._replicas.values() if replica.ready]

    def sample(self) -> Sample:
        """How many there are now."""
        with self._lock:
            existing = sum(replica.gone is None for replica in self._replicas.values())
            ordered = sum(self._ordered.values())
            return Sample(time.monotonic(), ordered, existing, len(self._ready()))

    def orders(self) -> list[tuple[float, int]]:
        """When the number of replicas ordered changed, and to what."""
        with self._lock:
            return list(self._orders)

    def removed(self, start: float, end: float) -> int:
        """How many replicas less were ordered in steps down between two times."""
        orders = self.orders()
        steps = pairwise(orders)
        return sum(max(0, a - b) for (_, a), (when, b) in steps if start <= when <= end)

    def replica_seconds(self, start: float, end: float) -> float:
        """Time of all replicas between two times: from created to gone, starting and stopping
        included.
        """
        with self._lock:
            return sum(
                max(0.0, min(replica.gone or end, end) - max(replica.created, start))
                for replica in self._replicas.values()
            )

    def cold_starts(self) -> list[float]:
        """Seconds from created to ready, of each replica that became ready."""
        with self._lock:
            return [
                replica.first_ready - replica.created
                for replica in self._replicas.values()
                if replica.first_ready is not None
            ]
