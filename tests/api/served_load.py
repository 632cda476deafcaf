"""Pods that answer as Triton does, under a load that a test sets: a fluid model of their queues.

No node runs the pods of these tests. Each gets an address of this machine's loopback, on which a
small server tells the metrics and the batch statistics of a replica that takes 20 + 10 b ms for a
batch of b, or a multiple of it in a slower or faster pool. Requests go, evenly, to the pods that
the Service selects.
"""

import http.server
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.api.client import RefusedError
from tests.api.shop import Shop
from triton_operator.api import labels

METRICS_PORT, HTTP_PORT = 8002, 8000
BASE_SECONDS, SECONDS_PER_REQUEST, LARGEST_BATCH = 0.020, 0.010, 8
CAPACITY = LARGEST_BATCH / (BASE_SECONDS + SECONDS_PER_REQUEST * LARGEST_BATCH)
"""Requests/s of one replica."""
NO_NODE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
}


@dataclass
class Replica:
    """Counters of one server; `counted` is until when. It takes `slowness` times as long."""

    counted: float
    labels: Mapping[str, str] = field(default_factory=dict)
    slowness: float = 1.0
    stalled: bool = False
    success: float = 0.0
    pending: float = 0.0
    batches: dict[int, float] = field(default_factory=dict)

    @property
    def capacity(self) -> float:
        """Requests/s that it can answer."""
        return 0.0 if self.stalled else CAPACITY / self.slowness

    def go_on(self, until: float, rate: float) -> None:
        """Take requests at a rate, and answer what it can."""
        seconds = until - self.counted
        self.counted = until
        came = self.pending + rate * seconds
        done = min(came, self.capacity * seconds)
        self.pending = came - done
        self.success += done
        size = LARGEST_BATCH if self.pending > 1 else 2
        self.batches[size] = self.batches.get(size, 0.0) + done / size


class ServedLoad:
    """`rate` requests/s, split evenly over the selected pods; `silent`: none tells its metrics.

    `slowness` is by pool, 1 where it is not said; `places` too: more pods of a pool find no node.
    """

    def __init__(
        self,
        shop: Shop,
        service: str,
        prefix: str,
        slowness: Mapping[str, float],
        places: Mapping[str, int],
    ) -> None:
        self._shop = shop
        self._slowness = slowness
        self._places = places
        self._selector: Mapping[str, str] = {}
        self._service = service
        self._prefix = prefix
        self._lock = threading.Lock()
        self._replicas: dict[str, Replica] = {}
        self._addresses: dict[str, str] = {}
        self._servers: list[http.server.ThreadingHTTPServer] = []
        self._rate = 0.0
        self.silent = False

    def set_rate(self, rate: float) -> None:
        """Requests/s over all replicas from now on."""
        with self._lock:
            self._go_on()
            self._rate = rate

    def stall(self, name: str, stalled: bool = True) -> None:
        """Let a pod answer nothing, though it is ready, or go on."""
        with self._lock:
            self._go_on()
            self._replicas[name].stalled = stalled

    def waiting(self, name: str) -> float:
        """Requests that wait in a pod."""
        with self._lock:
            self._go_on()
            return self._replicas[name].pending

    def answered(self) -> float:
        """Requests/s that the selected pods can answer, of those that come."""
        with self._lock:
            receiving = self._receiving()
            share = self._rate / max(1, len(receiving))
            return sum(min(share, one.capacity) for one in receiving)

    def start_pods(self) -> int:
        """The kubelet's and the scheduler's part: let pods serve that have a place, and requests
        follow the Service; how many pods there are.
        """
        selector = self._shop.get("Service", self._service)["spec"]["selector"]
        pods = [
            pod
            for pod in self._shop.all("Pod", self._service)
            if pod["metadata"]["labels"][labels.ROLE] == labels.SERVE
            and "deletionTimestamp" not in pod["metadata"]
        ]
        carried = {pod["metadata"]["name"]: pod["metadata"]["labels"] for pod in pods}
        with self._lock:
            self._go_on()
            self._selector = selector
            for gone in self._replicas.keys() - carried.keys():
                del self._replicas[gone]
            for name, replica in self._replicas.items():
                replica.labels = carried[name]
        for pod in pods:
            if pod["metadata"]["name"] in self._addresses:
                continue
            if self._has_place(pod["metadata"]["labels"][labels.POOL]):
                self._start(pod["metadata"]["name"], pod["metadata"]["labels"])
            else:
                self._patch(pod["metadata"]["name"], {"conditions": [NO_NODE]})
        return len(pods)

    def _has_place(self, pool: str) -> bool:
        taken = sum(one.labels[labels.POOL] == pool for one in self._replicas.values())
        return pool not in self._places or taken < self._places[pool]

    def close(self) -> None:
        """End every server."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _start(self, name: str, carried: Mapping[str, str]) -> None:
        address = f"{self._prefix}.{len(self._addresses) + 1}"
        self._addresses[name] = address
        for port in (METRICS_PORT, HTTP_PORT):
            server = http.server.ThreadingHTTPServer((address, port), self._handler(name))
            threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True).start()
            self._servers.append(server)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = [
            {"type": kind, "status": "True", "lastTransitionTime": now}
            for kind in ("Ready", "ContainersReady")
        ]
        container = {
            "name": "triton",
            "image": "any",
            "imageID": "any",
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": now}},
        }
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": conditions,
            "containerStatuses": [container],
        }
        if not self._patch(name, status):
            return
        slowness = self._slowness.get(carried[labels.POOL], 1.0)
        with self._lock:
            self._go_on()
            self._replicas[name] = Replica(time.monotonic(), carried, slowness)

    def _patch(self, name: str, status: object) -> bool:
        try:
            self._shop.merge("Pod", name, {"status": status}, "status")
        except RefusedError as refusal:
            if refusal.code != 404:  # it was removed meanwhile
                raise
            return False
        return True

    def _receiving(self) -> list[Replica]:
        return [
            one for one in self._replicas.values() if self._selector.items() <= one.labels.items()
        ]

    def _go_on(self) -> None:
        now = time.monotonic()
        receiving = self._receiving()
        for replica in self._replicas.values():
            gets = any(replica is one for one in receiving)
            replica.go_on(now, self._rate / len(receiving) if gets else 0.0)

    def _told(self, name: str, path: str) -> str:
        with self._lock:
            self._go_on()
            replica = self._replicas.get(name) or Replica(time.monotonic())
            return _metrics(replica, self._service) if path == "/metrics" else _stats(replica)

    def _handler(self, name: str) -> type[http.server.BaseHTTPRequestHandler]:
        load = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if load.silent:
                    self.send_error(503)
                    return
                if self.path.endswith("/config"):
                    body = json.dumps({"instance_group": [{"kind": "KIND_CPU", "count": 1}]})
                else:
                    body = load._told(name, self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler


@contextmanager
def served_load(
    shop: Shop,
    service: str,
    prefix: str,
    slowness: Mapping[str, float] | None = None,
    places: Mapping[str, int] | None = None,
) -> Iterator[ServedLoad]:
    """Pods of a service under load; `prefix` is the first three numbers of their addresses."""
    load = ServedLoad(shop, service, prefix, slowness or {}, places or {})
    try:
        yield load
    finally:
        load.close()


def _metrics(replica: Replica, model: str) -> str:
    names = f'{{model="{model}",version="1"}}'
    executions = sum(replica.batches.values())
    values = {
        "nv_inference_request_success": replica.success,
        "nv_inference_count": replica.success,
        "nv_inference_exec_count": executions,
        "nv_inference_pending_request_count": replica.pending,
    }
    failures = f'nv_inference_request_failure{{model="{model}",reason="OTHER",version="1"}} 0'
    return "\n".join([*(f"{name}{names} {value}" for name, value in values.items()), failures, ""])


def _seconds(size: int) -> float:
    return BASE_SECONDS + SECONDS_PER_REQUEST * size


def _stats(replica: Replica) -> str:
    rows = [
        {
            "batch_size": size,
            "compute_input": {"count": round(count), "ns": 0},
            "compute_infer": {
                "count": round(count),
                "ns": round(1e9 * count * replica.slowness * _seconds(size)),
            },
            "compute_output": {"count": round(count), "ns": 0},
        }
        for size, count in replica.batches.items()
    ]
    return json.dumps({"model_stats": [{"name": "a", "version": "1", "batch_stats": rows}]})
