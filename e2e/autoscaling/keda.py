"""KEDA as processes of this machine: its operator, and the adapter that the API server asks."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from e2e.autoscaling.policies import LEAST, MOST, Trigger
from e2e.harness import paths
from e2e.harness.binaries import ensure
from e2e.harness.cluster import Cluster
from e2e.harness.errors import CommandFailedError
from e2e.harness.gobuild import KEDA_MODULE, downloaded
from e2e.harness.kubectl import Kubectl, Object
from e2e.harness.pki import Authority
from e2e.harness.ports import free_ports
from e2e.harness.processes import Running, start
from e2e.harness.progress import step
from e2e.harness.versions import KEDA
from e2e.harness.waiting import wait_until

NAMESPACE = "keda"
SERVICE = "keda-metrics-apiserver"
METRICS = "external.metrics.k8s.io"
API_SERVICE = f"v1beta1.{METRICS}"
READER = "keda-external-metrics-reader"
START_SECONDS = 120.0


@contextmanager
def keda(cluster: Cluster, folder: Path) -> Iterator[None]:
    """KEDA, while the body runs; its definitions and objects are removed afterwards."""
    kubectl = Kubectl(cluster.kubeconfig)
    binaries = {name: ensure(name) for name in ("keda-operator", "keda-adapter")}
    definitions = _definitions()
    authority = Authority.create(folder / "certs")
    names = ["DNS:localhost", f"DNS:{SERVICE}.{NAMESPACE}.svc", "IP:127.0.0.1"]
    pair = authority.issue("tls", "/CN=keda", names)
    port, grpc, metrics, health, adapter_metrics = free_ports(5)
    running: list[Running] = []
    try:
        with step(f"starting KEDA {KEDA}"):
            kubectl("apply", "--server-side", "--force-conflicts", "-f", str(definitions))
            kubectl.apply(_objects(cluster.host_address(), port, authority.pair.cert.read_bytes()))
            environment = {
                "KUBECONFIG": str(cluster.kubeconfig),
                # Every namespace; it has to be set all the same.
                "WATCH_NAMESPACE": "",
                "POD_NAMESPACE": NAMESPACE,
                "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
            }
            operator: list[str | Path] = [
                *(binaries["keda-operator"], f"--cert-dir={pair.cert.parent}"),
                f"--metrics-bind-address=127.0.0.1:{metrics}",
                f"--health-probe-bind-address=127.0.0.1:{health}",
                f"--metrics-service-bind-address=127.0.0.1:{grpc}",
                *("--enable-webhook-patching=false", "--enable-apiservice-patching=false"),
            ]
            adapter: list[str | Path] = [
                *(binaries["keda-adapter"], f"--secure-port={port}"),
                f"--bind-address={cluster.host_address()}",
                f"--port={adapter_metrics}",
                f"--metrics-service-address=localhost:{grpc}",
                f"--cert-dir={pair.cert.parent}",
                *(f"--tls-cert-file={pair.cert}", f"--tls-private-key-file={pair.key}"),
                *(
                    f"--{what}-kubeconfig={cluster.kubeconfig}"
                    for what in ("lister", "authentication", "authorization")
                ),
            ]
            for name, argv in (("keda-operator", operator), ("keda-adapter", adapter)):
                log = folder / f"{name}.log"
                running.append(start(name, argv, log, env=environment, ends_with_us=True))
            wait_until(
                "KEDA to answer the API server",
                lambda: "externalmetrics" in kubectl("get", "--raw", f"/apis/{METRICS}/v1beta1"),
                timeout_seconds=START_SECONDS,
                needs=running,
                poll_seconds=1,
            )
        yield
    finally:
        for process in reversed(running):
            process.stop()
        with suppress(CommandFailedError):
            kubectl("delete", "apiservice", API_SERVICE, "--ignore-not-found")
            kubectl("delete", "-f", str(definitions), "--ignore-not-found", "--wait=false")
            kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")
            for kind in ("clusterrole", "clusterrolebinding"):
                kubectl("delete", kind, READER, "--ignore-not-found")


def scaled_object(namespace: str, deployment: str, trigger: Trigger, url: str) -> Object:
    """What a user writes to have KEDA scale a Deployment by Prometheus."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": deployment, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"name": deployment},
            "minReplicaCount": LEAST,
            "maxReplicaCount": MOST,
            "triggers": [
                {
                    "type": "prometheus",
                    "metricType": trigger.metric_type,
                    "metadata": {
                        "serverAddress": url,
                        "query": trigger.query,
                        "threshold": f"{trigger.threshold:g}",
                    },
                }
            ],
        },
    }


def _definitions() -> Path:
    """Its resource definitions, from the module of the same version."""
    scratch = paths.build_dir("keda")
    scratch.mkdir(parents=True, exist_ok=True)
    return downloaded(KEDA_MODULE, KEDA, scratch).folder / "config" / "crd" / "bases"


def _objects(address: str, port: int, authority: bytes) -> list[Object]:
    """Its namespace, the way from the API server to the adapter, and who may ask."""
    here = {"namespace": NAMESPACE}
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": SERVICE, **here},
            "spec": {"ports": [{"name": "https", "port": 443, "targetPort": port}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": SERVICE,
                **here,
                "labels": {"kubernetes.io/service-name": SERVICE},
            },
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address]}],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": API_SERVICE},
            "spec": {
                "group": METRICS,
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "service": {"name": SERVICE, "namespace": NAMESPACE},
                "caBundle": base64.b64encode(authority).decode(),
            },
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": READER},
            "rules": [{"apiGroups": [METRICS], "resources": ["*"], "verbs": ["get", "list"]}],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": READER},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": READER},
            "subjects": [
                {
                    "kind": "ServiceAccount",
                    "name": "horizontal-pod-autoscaler",
                    "namespace": "kube-system",
                }
            ],
        },
    ]
