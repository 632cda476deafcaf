"""CoreDNS as a process on the node's address; the kubelet names it to every pod."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from e2e.harness.topology import Topology

USER = "system:coredns"


def corefile(topology: Topology, kubeconfig: Path, context: str, ready_port: int) -> str:
    """Answers for the cluster's names; others do not exist, unless there is `internet`."""
    if topology.internet:
        elsewhere = "forward . /etc/resolv.conf"
    else:
        # Without it other names are refused, and pods retry for seconds instead of failing.
        elsewhere = "template ANY ANY {\n        rcode NXDOMAIN\n    }"
    return f"""cluster.local:53 in-addr.arpa:53 {{
    bind {topology.node_ip}
    errors
    ready 127.0.0.1:{ready_port}
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig} {context}
        ttl 5
    }}
}}
.:53 {{
    bind {topology.node_ip}
    errors
    {elsewhere}
}}
"""


def access_rules() -> list[dict[str, Any]]:
    """The role CoreDNS needs, and its binding to USER."""
    read = ["list", "watch"]
    name = {"name": USER}
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": name,
            "rules": [
                {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": read},
                {
                    "apiGroups": ["discovery.k8s.io"],
                    "resources": ["endpointslices"],
                    "verbs": read,
                },
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": name,
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": USER,
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
        },
    ]
