"""Pods that answer as Triton does, under a load that a test sets: a fluid model of their queues.

No node runs the pods of these tests. Each gets an address of this machine's loopback, on which a
small server tells the metrics and the batch statistics of a replica that takes 20 + 10 b ms for a
batch of b.
"""

import http.server
import json
import threading
import time
from collections.abc import Iterator
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


@dataclass
class Replica:
    """Counters of one server; `counted` is until when."""

    counted: float
    success: float = 0.0
    pending: float = 0.0
    batches: dict[int, float] = field(default_factory=dict)

    def go_on(self, until: float, rate: float) -> None:
        """Take requests at a rate, and answer what it can."""
        seconds = until - self.counted
        self.counted = until
        came = self.pending + rate * seconds
        done = min(came, CAPACITY * seconds)
        self.pending = came - done
        self.success += done
        size = LARGEST_BATCH if self.pending > 1 else 2
        self.batches[size] = self.batches.get(size, 0.0) + done / size


class ServedLoad:
    """`rate` requests/s, split evenly over the pods that are there; `silent`: none answers."""

    def __init__(self, shop: Shop, service: str, prefix: str) -> None:
        self._shop = shop
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

    def start_pods(self) -> int:
        """The kubelet's part: let every pod serve that is there; how many there are."""
        pods = [
            pod
            for pod in self._shop.all("Pod", self._service)
            if pod["metadata"]["labels"][labels.ROLE] == labels.SERVE
            and "deletionTimestamp" not in pod["metadata"]
        ]
        names = {pod["metadata"]["name"] for pod in pods}
        with self._lock:
            self._go_on()
            for gone in self._replicas.keys() - names:
                del self._replicas[gone]
        for pod in pods:
            if pod["metadata"]["name"] not in self._addresses:
                self._start(pod["metadata"]["name"])
        return len(pods)

    def close(self) -> None:
        """End every server."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _start(self, name: str) -> None:
        address = f"{self._prefix}.{len(self._addresses) + 1}"
        self._addresses[name] = address
        for port in (METRICS_PORT, HTTP_PORT):
            server = http.server.ThreadingHTTPServer((address, port), self._handler(name))
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
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
        try:
            self._shop.merge("Pod", name, {"status": status}, "status")
        except RefusedError as refusal:
            if refusal.code != 404:  # it was removed meanwhile
                raise
            return
        with self._lock:
            self._go_on()
            self._replicas[name] = Replica(time.monotonic())

    def _go_on(self) -> None:
        now = time.monotonic()
        for replica in self._replicas.values():
            replica.go_on(now, self._rate / len(self._replicas))

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
def served_load(shop: Shop, service: str, prefix: str) -> Iterator[ServedLoad]:
    """Pods of a service under load; `prefix` is the first three numbers of their addresses."""
    load = ServedLoad(shop, service, prefix)
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


def _stats(replica: Replica) -> str:
    rows = [
        {
            "batch_size": size,
            "compute_input": {"count": round(count), "ns": 0},
            "compute_infer": {
                "count": round(count),
                "ns": round(1e9 * count * (BASE_SECONDS + SECONDS_PER_REQUEST * size)),
            },
            "compute_output": {"count": round(count), "ns": 0},
        }
        for size, count in replica.batches.items()
    ]
    return json.dumps({"model_stats": [{"name": "a", "version": "1", "batch_stats": rows}]})
