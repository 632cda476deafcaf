"""Routes of the Gateway API to a service, and the share of its requests that other clusters get.

Of two rules with one path or method, the one that asks for more headers comes first (HTTPRouteRule,
GRPCRouteRule): so a request whose data must stay never gets to the rule that shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from triton_operator.api.ingress import GatewayIngress
from triton_operator.api.routing import LocalOnly
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.remote_backends import Remote, remote_name
from triton_operator.manifests.service import GRPC_PORT, HTTP_PORT

Manifest = dict[str, Any]
API_VERSION = "gateway.networking.k8s.io/v1"
FORWARDED = "x-triton-operator-forwarded"
"""Header of a request that a Gateway of the fleet has chosen a cluster for: it is served where it
comes to. Without it, two clusters that share with each other could send it to and fro."""
GRPC_SERVICE = "inference.GRPCInferenceService"


def http_route(
    owner: Owner,
    gateway: GatewayIngress,
    model: str,
    here_percent: int = 100,
    remotes: Sequence[Remote] = (),
    local_only: LocalOnly | None = None,
) -> Manifest:
    """Requests for the service; `model` is its name in them. Without `remotes`, all stay."""
    path = {"type": "PathPrefix", "value": "/v2" if gateway.hostnames else f"/v2/models/{model}"}
    rules = _rules(owner, HTTP_PORT, {"path": path}, here_percent, remotes, local_only)
    return _route("HTTPRoute", owner, gateway, gateway.hostnames, rules)


def grpc_route(
    owner: Owner,
    gateway: GatewayIngress,
    here_percent: int = 100,
    remotes: Sequence[Remote] = (),
    local_only: LocalOnly | None = None,
) -> Manifest:
    """The same for gRPC, by names of its own: which model is asked says only the request itself."""
    method = {"type": "Exact", "service": GRPC_SERVICE}
    rules = _rules(owner, GRPC_PORT, {"method": method}, here_percent, remotes, local_only)
    return _route("GRPCRoute", owner, gateway, gateway.grpc_hostnames, rules)


def _rules(
    owner: Owner,
    port: int,
    match: Manifest,
    here_percent: int,
    remotes: Sequence[Remote],
    local_only: LocalOnly | None,
) -> list[Manifest]:
    here = {"name": owner.name, "port": port}
    if not remotes:
        return [{"matches": [match], "backendRefs": [here]}]
    headers = [(FORWARDED, "1")]
    if local_only is not None:
        headers += [(local_only.header, value) for value in local_only.values]
    staying = {
        "matches": [
            {**match, "headers": [{"type": "Exact", "name": name, "value": value}]}
            for name, value in headers
        ],
        "backendRefs": [here],
    }
    away = [
        {"name": remote_name(owner, one), "port": one.port, "weight": one.percent}
        for one in remotes
    ]
    sharing = {
        "matches": [match],
        # Of the whole rule, as filters of one backend are not in every implementation.
        "filters": [
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"set": [{"name": FORWARDED, "value": "1"}]},
            }
        ],
        "backendRefs": [{**here, "weight": here_percent}, *away],
    }
    return [staying, sharing]


def _route(
    kind: str,
    owner: Owner,
    gateway: GatewayIngress,
    hostnames: Iterable[str],
    rules: list[Manifest],
) -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": owner.metadata(owner.name),
        "spec": {
            "parentRefs": [one.wire() for one in gateway.parent_refs],
            **({"hostnames": list(hostnames)} if hostnames else {}),
            "rules": rules,
        },
    }
