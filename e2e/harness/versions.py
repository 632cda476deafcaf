"""Every pinned version the harness builds, downloads or checks, in one place."""

from __future__ import annotations

KUBERNETES = "1.36.3"
# The release Kubernetes 1.36 itself is tested with (its go.mod names the client of the same
# version).
ETCD = "3.6.8"
COREDNS = "1.14.3"
HELM = "4.3.1"
KIND = "0.33.0"
KUBECONFORM = "0.8.0"
KWOK = "0.8.0"
# Stores of models, to test against. MinIO's module has no tags; this is the newest commit.
MINIO = "0.0.0-20260212201848-7aac2a2c5b7c"
FAKE_GCS_SERVER = "1.56.1"
REGISTRY = "3.1.2"
KEDA = "2.21.0"
"""What the autoscaler is compared with."""
AZURITE = "3.35.0"
"""The newest that runs with Debian 12's Node.js."""

DEBIAN_SUITE = "bookworm"

KUBERNETES_TOOLS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
)

KEDA_COMMANDS = {"keda-operator": "operator", "keda-adapter": "adapter"}
"""Tool name → the command's folder in KEDA's module."""

TOOLS: dict[str, str] = {
    **dict.fromkeys(KUBERNETES_TOOLS, KUBERNETES),
    "etcd": ETCD,
    "coredns": COREDNS,
    "helm": HELM,
    "kind": KIND,
    "kubeconform": KUBECONFORM,
    "kwok": KWOK,
    "minio": MINIO,
    "fake-gcs-server": FAKE_GCS_SERVER,
    "registry": REGISTRY,
    **dict.fromkeys(KEDA_COMMANDS, KEDA),
}
"""Tool name → version wanted."""

BUILT_ONLY = frozenset({"kwok", "minio", "fake-gcs-server", "registry", *KEDA_COMMANDS})
"""Tools whose releases are not downloaded: built from Go modules everywhere."""
