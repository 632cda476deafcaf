"""The operator itself, started as the chart starts it, gets its work done with the chart's rights.

No node runs the pods: what counts here is what the API server lets the operator do.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.harness import processes
from e2e.harness.controlplane import ControlPlane
from e2e.harness.ports import free_ports
from e2e.harness.waiting import wait_until
from tests.chart.kubectl import helm_done, kubectl, kubectl_json, make_namespace
from tests.chart.rendering import CHART, REPOSITORY, Object

EVENTS = "events.events.k8s.io"
API_VERSION = "serving.triton-operator.io/v1alpha1"
DIGEST = "sha256:" + "c0" * 32
FACTS = {
    "format": "ONNX",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    "batchable": True,
    "reason": "axis 0 of every input and output is a batch dimension",
    "sizeBytes": 1000,
    "files": [{"path": "model.onnx", "digest": DIGEST, "sizeBytes": 1000}],
}


def our(kind: str, name: str, namespace: str | None, spec: Object) -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def create(control_plane: ControlPlane, *objects: Object) -> None:
    answer = kubectl(control_plane, "create", "--filename=-", objects=list(objects))
    assert answer.returncode == 0, answer.stderr


def autoscaler(deployment: str, namespace: str) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "somebody-elses", "namespace": namespace},
        "spec": {"maxReplicas": 3, "scaleTargetRef": target},
    }


def node() -> Object:
    resources = {"cpu": "8", "memory": "32Gi", "pods": "100"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "worker", "labels": {"kubernetes.io/os": "linux"}},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


@contextmanager
def operator(
    control_plane: ControlPlane, release: str, home: str, folder: Path
) -> Iterator[processes.Running]:
    """The operator's process with the arguments of its Deployment and its ServiceAccount's name."""
    spec = kubectl_json(control_plane, "get", "-n", home, "deployment", release)["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    subject = f"/CN=system:serviceaccount:{home}:{pod['serviceAccountName']}"
    kubeconfig = control_plane.client_kubeconfig(release, subject)
    here = [f"--http-port={free_ports(1)[0]}", f"--kubeconfig={kubeconfig}", "--sweep-seconds=1"]
    running = processes.start(
        release,
        [sys.executable, "-m", "triton_operator.cli.main", *container["args"], *here],
        folder / "operator.log",
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY / "operator"),
            "POD_NAMESPACE": home,
        },
        ends_with_us=True,
    )
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.parametrize("limited", [True, False], ids=["one namespace", "all namespaces"])
def test_the_operator_is_never_refused(
    control_plane: ControlPlane, tmp_path: Path, limited: bool
) -> None:
    release = "limited" if limited else "everywhere"
    home, shop = (make_namespace(control_plane, f"{release}-{one}") for one in ("home", "shop"))
    settings = [
        *["--set", f"fullnameOverride={release}"],
        *(["--set", f"namespaces={{{shop}}}"] if limited else []),
    ]
    helm_done(control_plane, "install", release, str(CHART), "--namespace", home, *settings)
    uri = "https://models.example.com/model.onnx"
    create(
        control_plane,
        node(),
        our("ServingPool", "cpu", None, {"replicaResources": {"cpu": "1", "memory": "1Gi"}}),
        our("ModelProfile", DIGEST.replace(":", "-"), shop, {"digest": DIGEST, "facts": FACTS}),
        our("InferenceService", "unknown", shop, {"model": {"uri": uri}}),
        our(
            "InferenceService",
            "known",
            shop,
            {"model": {"uri": uri, "digest": DIGEST}, "scaling": {"minReplicas": 2}},
        ),
    )

    def items(kind: str) -> list[Object]:
        found: list[Object] = kubectl_json(control_plane, "get", "-n", shop, kind)["items"]
        return found

    def condition(service: str) -> str:
        status = kubectl_json(control_plane, "get", "-n", shop, "tisvc", service).get("status", {})
        return json.dumps(status.get("conditions", ""))

    expectations: dict[str, Callable[[], bool]] = {
        "an inspection Job for the unknown model": lambda: len(items("jobs")) == 1,
        "a ConfigMap for the known one": lambda: len(items("configmaps")) == 1,
        "a Service over all pools": lambda: len(items("services")) == 1,
        "a Deployment scaled to two": lambda: (
            [one["spec"]["replicas"] for one in items("deployments")] == [2]
        ),
        "a status of both services": lambda: (
            '"Ready"' in condition("known") and '"Ready"' in condition("unknown")
        ),
        "a status of the pool": lambda: (
            "nodes" in kubectl_json(control_plane, "get", "servingpool", "cpu").get("status", {})
        ),
    }
    try:
        with operator(control_plane, release, home, tmp_path) as running:
            for what, fact in expectations.items():
                wait_until(f"waiting for {what}", fact, timeout_seconds=30, needs=[running])
            (inspection,) = items("jobs")
            patch = '{"spec": {"model": {"uri": "https://models.example.com/other.onnx"}}}'
            moved = ("patch", "-n", shop, "tisvc", "unknown", "--type=merge", f"--patch={patch}")
            assert kubectl(control_plane, *moved).returncode == 0
            wait_until(
                "waiting for the inspection of the previous model to be pruned",
                lambda: (
                    len(items("jobs")) == 1
                    and items("jobs")[0]["metadata"]["name"] != inspection["metadata"]["name"]
                ),
                timeout_seconds=30,
                needs=[running],
            )
            create(control_plane, autoscaler("known-cpu", shop))
            wait_until(
                "waiting for an event about the second autoscaler",
                lambda: "SetAutoscalerConflict" in {one["action"] for one in items(EVENTS)},
                timeout_seconds=30,
                needs=[running],
            )
            log = running.log.read_text()
        assert "forbidden" not in log.lower()
        assert " 403" not in log
    finally:
        kubectl(control_plane, "delete", "node/worker", "servingpool/cpu")
        helm_done(control_plane, "uninstall", release, "--namespace", home)
