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

DEBIAN_SUITE = "bookworm"

KUBERNETES_TOOLS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
)

TOOLS: dict[str, str] = {
    **dict.fromkeys(KUBERNETES_TOOLS, KUBERNETES),
    "etcd": ETCD,
    "coredns": COREDNS,
    "helm": HELM,
    "kind": KIND,
    "kubeconform": KUBECONFORM,
    "kwok": KWOK,
}
"""Tool name → version wanted."""
