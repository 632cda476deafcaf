"""GPU requests are really scheduled. No GPU is here: the node only says that it has one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness.cluster import Cluster
from e2e.harness.images import ensure_images
from e2e.harness.kubectl import Kubectl
from e2e.harness.waiting import wait_until
from e2e.installation import TRITON_CPU_RELEASE
from e2e.sample_files import magika_model
from e2e.services import API_VERSION, Services
from tests.unit.model.repository_building import CLASSIFIER, data_only, placed

GPU = "nvidia.com/gpu"
TAKES_WHAT_IT_FINDS = b"instance_group [ { kind: KIND_AUTO count: 1 } ]\n"


@pytest.fixture
def node_with_a_gpu(cluster: Cluster, kubectl: Kubectl) -> Iterator[str]:
    """The first node, with a capacity of one GPU for as long as the test runs."""
    node = cluster.node_names()[0]

    def patch(capacity: str | None) -> None:
        change = {"status": {"capacity": {GPU: capacity}, "allocatable": {GPU: capacity}}}
        kubectl(
            *("patch", "node", node, "--subresource=status", "--type=merge"),
            *("-p", json.dumps(change)),
        )

    patch("1")
    yield node
    patch(None)


def test_gpu_replicas_go_to_the_gpu_and_no_further(
    services: Services, kubectl: Kubectl, node_with_a_gpu: str
) -> None:
    services.place("models", {"magika/model.onnx": magika_model()})

    services.apply(
        "vision",
        model={"uri": "pvc://models/magika/model.onnx"},
        hardware={"accelerator": "GPU", "resources": {"cpu": "100m", "memory": "256Mi"}},
        scaling={"mode": "Fixed", "minReplicas": 2},
    )
    services.wait_for("vision", "Planned", "True")
    wait_until(
        "one pod on the GPU, the other without a node",
        lambda: (
            sorted(
                pod["spec"].get("nodeName", "")
                for pod in services.every("pods", "vision")
                if pod["metadata"]["labels"]["serving.triton-operator.io/role"] == "serve"
            )
            == ["", node_with_a_gpu]
        ),
        timeout_seconds=60,
    )

    (pool,) = services.get("tisvc", "vision")["status"]["pools"]
    assert pool["name"] == "gpu"
    template = services.get("deployment", "vision-gpu")["spec"]["template"]["spec"]
    assert template["containers"][0]["resources"]["limits"][GPU] == "1"
    assert {"key": GPU, "operator": "Exists"} in template["tolerations"]
    (config,) = services.every("configmaps", "vision")
    assert "kind: KIND_GPU" in config["data"]["config.pbtxt"]
    # As it was then: a moment later it may be the other pod's image that is told.
    told = services.wait_for("vision", "Available", "False", "Unschedulable")
    assert f"Insufficient {GPU}" in told["message"]


@pytest.fixture
def pool_without_driver(kubectl: Kubectl, node_with_a_gpu: str) -> Iterator[str]:
    """A GPU pool whose Triton finds no GPU, as with a broken driver."""
    image = ensure_images(["triton-cpu"])["triton-cpu"].reference
    spec = {"accelerator": {"resource": GPU}, "image": image, "release": TRITON_CPU_RELEASE}
    pool = {
        "apiVersion": API_VERSION,
        "kind": "ServingPool",
        "metadata": {"name": "driverless"},
        "spec": spec,
    }
    kubectl.apply([pool])
    yield "driverless"
    kubectl("delete", "servingpool", "driverless")


def test_a_model_that_runs_on_the_cpu_of_a_gpu_pool_is_told(
    services: Services, pool_without_driver: str, tmp_path: Path
) -> None:
    """Real Triton, by what it answers itself: it serves, only not where it was planned."""
    contents = {**data_only(), "classifier/config.pbtxt": CLASSIFIER + TAKES_WHAT_IT_FINDS}
    placed(contents, tmp_path)
    services.place("models", {f"auto/{path}": tmp_path / path for path in contents})

    services.apply(
        "auto",
        model={"uri": "pvc://models/auto", "format": "TritonRepository"},
        hardware={"accelerator": "GPU", "resources": {"cpu": "100m", "memory": "512Mi"}},
    )

    services.wait_for("auto", "Ready", "True")
    told = services.wait_for("auto", "DeviceAsPlanned", "False", "RunsOnAnotherDevice")
    assert "the model runs on CPU (KIND_CPU), and a GPU was planned" in told["message"]
    assert services.get("tisvc", "auto")["status"]["poolNames"] == pool_without_driver
