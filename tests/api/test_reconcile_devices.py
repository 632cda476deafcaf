"""On which device a model runs, as its pod says it: asked over HTTP, told in the status.

A pod has the address that its kubelet reports. Here that is one of this machine's loopback, where a
small server answers on Triton's port as Triton does.
"""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.api.loopback import NETWORK
from tests.api.shop import Shop
from triton_operator.api import labels

ADDRESS = f"{NETWORK}.0.1"
PORT = 8000
AUTOSCALER = "triton-operator"
"""As `User-Agent`."""
GPU_POOL = {"accelerator": {"resource": "nvidia.com/gpu"}}


@dataclass
class Triton:
    """Answers `kind` for the model `a`, and remembers how often it was asked for its config."""

    kind: str = "KIND_CPU"
    asked: list[str] = field(default_factory=list)

    def heard(self, path: str, who: str | None) -> bool:
        """Whether there is an answer: the autoscaler, which asks for configs too, gets none."""
        known = path.endswith("/config") and who != AUTOSCALER
        if known:
            self.asked.append(path)
        return known


@contextmanager
def listening(triton: Triton) -> Iterator[None]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not triton.heard(self.path, self.headers.get("User-Agent")):
                self.send_error(404)
                return
            group = {"name": "a_0", "kind": triton.kind, "count": 1, "gpus": []}
            answer = json.dumps({"name": "a", "instance_group": [group]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer((ADDRESS, PORT), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def triton() -> Iterator[Triton]:
    """A pod's server; it runs on a CPU until a test says otherwise."""
    found = Triton()
    with listening(found):
        yield found


def start(shop: Shop, restarts: int = 0) -> None:
    """The kubelet's part: the pod has an address, and its server is ready."""
    (pod,) = (
        pod
        for pod in shop.all("Pod", "a")
        if pod["metadata"]["labels"][labels.ROLE] == labels.SERVE
    )
    shop.start_pods("a")
    address = {"podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}]}
    shop.merge("Pod", pod["metadata"]["name"], {"status": address}, "status")
    shop.restart_count(pod, restarts)


def test_a_model_that_runs_on_another_device_is_told_until_a_restart_cures_it(
    shop: Shop, triton: Triton
) -> None:
    shop.create("ServingPool", "gpus", spec=GPU_POOL)
    shop.add_running("a")

    shop.until("a pod", lambda: len(shop.all("Pod", "a")) == 1)
    start(shop)

    shop.until_condition("a", "DeviceAsPlanned", "False", "RunsOnAnotherDevice")
    assert triton.asked == ["/v2/models/a/config"]
    told = next(row for row in shop.status("a")["conditions"] if row["type"] == "DeviceAsPlanned")
    assert "the model runs on CPU (KIND_CPU), and a GPU was planned" in told["message"]
    assert "look at the driver and the device plugin" in told["message"]
    shop.until_condition("a", "Ready", "True", "Serving")

    triton.kind = "KIND_GPU"
    start(shop, restarts=1)

    shop.until_condition("a", "DeviceAsPlanned", "True", "AsPlanned")
    assert len(triton.asked) == 2, "once for each start of the server"


def test_a_pod_that_does_not_answer_is_no_reason_for_alarm(shop: Shop) -> None:
    shop.create("ServingPool", "gpus", spec=GPU_POOL)
    shop.add_running("a")

    shop.until("a pod", lambda: len(shop.all("Pod", "a")) == 1)
    start(shop)

    shop.until(
        "the refused connection to be told",
        lambda: any(
            row["reason"] == "DeviceNotKnown" and f"{ADDRESS}:{PORT}" in row["message"]
            for row in shop.status("a")["conditions"]
        ),
    )
    shop.until_condition("a", "Ready", "True", "Serving")
