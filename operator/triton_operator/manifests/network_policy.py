"""Who may connect to the pods of a service."""

from typing import Any

from triton_operator.api.access import Access, LabelSelector, Peer
from triton_operator.manifests.companions import Policies
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.selectors import service_selector
from triton_operator.manifests.service import GRPC_PORT, HTTP_PORT, METRICS_PORT

OWN_NAMESPACE = (Peer(pod_selector=LabelSelector()),)


def network_policy(owner: Owner, access: Access, policies: Policies) -> dict[str, Any]:
    """Requests from callers, metrics for Prometheus, some of both for the operator, nothing else.

    The kubelet's probes come from the pod's own node, which no policy keeps out. Policies add up:
    whoever must let in more, such as an address outside the cluster, adds one of their own.
    """
    callers = tuple(access.callers) if access.callers is not None else OWN_NAMESPACE
    rules = [_rule(callers, HTTP_PORT, GRPC_PORT)]
    if policies.prometheus:
        # A rule from nobody would mean: from everybody.
        rules.append(_rule(policies.prometheus, METRICS_PORT))
    if policies.operator:
        # It asks on which device the model runs; autoscaling will ask for metrics. Never by gRPC.
        rules.append(_rule((policies.operator,), HTTP_PORT, METRICS_PORT))
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": owner.metadata(owner.name),
        "spec": {
            "podSelector": {"matchLabels": service_selector(owner.name)},
            "policyTypes": ["Ingress"],
            "ingress": rules,
        },
    }


def _rule(peers: tuple[Peer, ...], *ports: int) -> dict[str, Any]:
    return {
        "from": [peer.wire() for peer in peers],
        "ports": [{"protocol": "TCP", "port": port} for port in ports],
    }
