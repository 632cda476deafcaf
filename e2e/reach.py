"""An address of a Service from this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from e2e.harness.cluster import Cluster
from e2e.harness.kubectl import Kubectl


@contextmanager
def reach(cluster: Cluster, namespace: str, service: str, port: int) -> Iterator[str]:
    """`host:port` that answers for a Service's port, spread over its pods as in the cluster.

    On the native cluster that is the ClusterIP itself. Where nodes are containers of their own,
    their addresses are reached but not the ClusterIPs: a NodePort stands in for as long as needed.
    """
    kubectl = Kubectl(cluster.kubeconfig)
    spec = kubectl.json("-n", namespace, "get", "service", service)["spec"]
    if cluster.driver == "native":
        yield f"{spec['clusterIP']}:{port}"
        return
    name = f"{service}-reach"
    wanted = next(row for row in spec["ports"] if row["port"] == port)
    kubectl.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "type": "NodePort",
                    "selector": spec["selector"],
                    "ports": [{"port": port, "targetPort": wanted["targetPort"]}],
                },
            }
        ]
    )
    try:
        made = kubectl.json("-n", namespace, "get", "service", name)
        addresses = kubectl.json("get", "nodes")["items"][0]["status"]["addresses"]
        node = next(row["address"] for row in addresses if row["type"] == "InternalIP")
        yield f"{node}:{made['spec']['ports'][0]['nodePort']}"
    finally:
        kubectl("-n", namespace, "delete", "service", name)
