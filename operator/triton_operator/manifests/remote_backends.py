"""Other clusters of a fleet as backends of a route: a Service of type ExternalName for each.

docs/decisions/0094-other-clusters-as-backends.md says why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from triton_operator.api.enums import Protocol
from triton_operator.api.fields import DOMAIN_PATTERN
from triton_operator.api.routing import RoutedEndpoint, WorkRouting
from triton_operator.manifests import names
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.service import H2C

Manifest = dict[str, Any]
_NO_GRPC = (
    "nobody has said where it answers gRPC: set spec.dataPlane.grpcUrl of its InferenceCluster"
)
MOST_REMOTES = 15
"""A rule of an HTTPRoute has 16 backends at most, and one is the cluster itself."""
_HOST_NAME = re.compile(DOMAIN_PATTERN)
_NUMBERS = re.compile(r"[0-9.]+")


@dataclass(frozen=True)
class Remote:
    """A cluster that gets a share of the requests that speak so."""

    cluster: str
    host: str
    port: int
    tls: bool
    percent: int
    protocol: Protocol = Protocol.HTTP


def remotes(
    routing: WorkRouting, *, knows_tls: bool, protocol: Protocol = Protocol.HTTP
) -> tuple[list[Remote], int, Mapping[str, str]]:
    """Who gets a share, how much stays in percent, and why others, by cluster, get none of theirs:
    it stays. `knows_tls`: the API server knows BackendTLSPolicies."""
    found: list[Remote] = []
    refused: dict[str, str] = {}
    for one in routing.endpoints:
        if one.local or one.url is None or not one.weight_percent:
            continue
        url = one.url if protocol is Protocol.HTTP else one.grpc_url
        made = _remote(one, url, protocol) if url else _NO_GRPC
        if isinstance(made, str):
            refused[one.cluster] = made
        elif made.tls and not knows_tls:
            refused[one.cluster] = "it speaks TLS, and the cluster knows no BackendTLSPolicy"
        elif len(found) == MOST_REMOTES:
            refused[one.cluster] = f"a route has {MOST_REMOTES} other clusters at most"
        else:
            found.append(made)
    return found, 100 - sum(one.percent for one in found), refused


def remote_name(owner: Owner, remote: Remote) -> str:
    """Of its Service, and of the policy for its TLS."""
    if remote.protocol is Protocol.GRPC:
        return names.remote_grpc_service(owner.name, remote.cluster)
    return names.remote_service(owner.name, remote.cluster)


def remote_service(owner: Owner, remote: Remote) -> Manifest:
    """What the route names."""
    # Without TLS nothing else tells a Gateway to begin with HTTP/2 (GEP-1911).
    is_h2c = remote.protocol is Protocol.GRPC and not remote.tls
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owner.metadata(remote_name(owner, remote)),
        "spec": {
            "type": "ExternalName",
            "externalName": remote.host,
            "ports": [
                {
                    "name": remote.protocol.value.lower(),
                    "port": remote.port,
                    "protocol": "TCP",
                    "targetPort": remote.port,
                    **({"appProtocol": H2C} if is_h2c else {}),
                }
            ],
        },
    }


def remote_tls(owner: Owner, remote: Remote) -> Manifest:
    """By which a Gateway speaks TLS there, and trusts the authorities of its own system."""
    name = remote_name(owner, remote)
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "BackendTLSPolicy",
        "metadata": owner.metadata(name),
        "spec": {
            "targetRefs": [{"group": "", "kind": "Service", "name": name}],
            "validation": {"hostname": remote.host, "wellKnownCACertificates": "System"},
        },
    }


def _remote(endpoint: RoutedEndpoint, url: str, protocol: Protocol) -> Remote | str:
    """A text: why it can be no backend."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return f"{url} is no address"
    if parts.path not in ("", "/"):
        return f"{url} has a path, and a route leads to a host"
    if not _HOST_NAME.fullmatch(host) or _NUMBERS.fullmatch(host):
        return f"{url} has no host name, which a Service of type ExternalName needs"
    tls = parts.scheme == "https"
    return Remote(
        cluster=endpoint.cluster,
        host=host,
        port=port or (443 if tls else 80),
        tls=tls,
        percent=endpoint.weight_percent,
        protocol=protocol,
    )
