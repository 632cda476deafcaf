"""Other clusters of a fleet as backends of a route: a Service of type ExternalName for each.

docs/decisions/0094-other-clusters-as-backends.md says why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from triton_operator.api.routing import RoutedEndpoint, WorkRouting
from triton_operator.manifests import names
from triton_operator.manifests.owner import Owner

Manifest = dict[str, Any]
MOST_REMOTES = 15
"""A rule of an HTTPRoute has 16 backends at most, and one is the cluster itself."""
_HOST_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NUMBERS = re.compile(r"[0-9.]+")


@dataclass(frozen=True)
class Remote:
    """A cluster that gets a share of the requests."""

    cluster: str
    host: str
    port: int
    tls: bool
    percent: int


def remotes(
    routing: WorkRouting, *, knows_tls: bool
) -> tuple[list[Remote], int, Mapping[str, str]]:
    """Who gets a share, how much stays in percent, and why others, by cluster, get none of theirs:
    it stays. `knows_tls`: the API server knows BackendTLSPolicies."""
    found: list[Remote] = []
    refused: dict[str, str] = {}
    for one in routing.endpoints:
        if one.local or one.url is None or not one.weight_percent:
            continue
        made = _remote(one, one.url)
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
    return names.remote_service(owner.name, remote.cluster)


def remote_service(owner: Owner, remote: Remote) -> Manifest:
    """What the route names."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owner.metadata(remote_name(owner, remote)),
        "spec": {
            "type": "ExternalName",
            "externalName": remote.host,
            "ports": [
                {
                    "name": "http",
                    "port": remote.port,
                    "protocol": "TCP",
                    "targetPort": remote.port,
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


def _remote(endpoint: RoutedEndpoint, url: str) -> Remote | str:
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
    )
