"""Services: one over all pools, and one per pool where several are in use."""

from typing import Any

from triton_operator.api import labels
from triton_operator.manifests import names
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.selectors import open_pods, pool_selector, service_selector

HTTP_PORT = 8000
GRPC_PORT = 8001
METRICS_PORT = 8002
H2C = "kubernetes.io/h2c"
"""Of a port: HTTP/2 without TLS, as gRPC is spoken here."""


def http_address(owner: Owner) -> str:
    """Where pods of the cluster ask it, as a URL."""
    return f"http://{owner.name}.{owner.namespace}.svc:{HTTP_PORT}"


def _service(owner: Owner, name: str, selector: dict[str, str], extra: dict[str, str]) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owner.metadata(name, extra),
        "spec": {
            "selector": selector,
            "ports": [
                {
                    "name": "http",
                    "port": HTTP_PORT,
                    "protocol": "TCP",
                    "targetPort": "http",
                },
                {
                    "name": "grpc",
                    "port": GRPC_PORT,
                    "protocol": "TCP",
                    "targetPort": "grpc",
                    "appProtocol": H2C,
                },
                {
                    "name": "metrics",
                    "port": METRICS_PORT,
                    "protocol": "TCP",
                    "targetPort": "metrics",
                },
            ],
        },
    }


def service_over_all(
    owner: Owner, alone: str | None = None, *, by_traffic: bool = True
) -> dict[str, Any]:
    """The address that clients use: every ready pod of every pool, or of the one pool `alone`.

    kube-proxy gives each pod the same rate, so that a slow pool beside a fast one can be left out
    until it helps. `by_traffic`: without the pods that are aside, which is possible once every pod
    carries that label.
    """
    selector = pool_selector(owner.name, alone) if alone else service_selector(owner.name)
    selector = open_pods(selector) if by_traffic else selector
    manifest: dict[str, Any] = _service(owner, owner.name, selector, {})
    return manifest


def service_of_pool(owner: Owner, pool: str, *, by_traffic: bool = True) -> dict[str, Any]:
    """The pods of one pool, for weighted routes and for whoever must reach one kind of hardware."""
    selector = pool_selector(owner.name, pool)
    manifest: dict[str, Any] = _service(
        owner,
        names.pool_child(owner.name, pool),
        open_pods(selector) if by_traffic else selector,
        {labels.POOL: pool},
    )
    return manifest
