"""What `cluster join --push` does: an account in the cluster, and its kubeconfig at the hub."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from triton_operator.cli.fleet import kubeconfig_of, settings_of
from triton_operator.cli.joining import apply_cluster
from triton_operator.cli.live import CannotAsk
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import NAMESPACE as NAMESPACE_KIND
from triton_operator.controllers.kinds import SERVICE_ACCOUNT, Kind
from triton_operator.fleet.member_kubeconfig import RefusedKubeconfig, member_kubeconfig
from triton_operator.fleet.push_account import ACCOUNT, NAMESPACE, push_account
from triton_operator.hub.kinds import ROLE, ROLE_BINDING, SECRET

RBAC = "rbac.authorization.k8s.io"
KINDS = {
    one.kind: one
    for one in (
        NAMESPACE_KIND,
        SERVICE_ACCOUNT,
        Kind("ClusterRole", RBAC, "v1", "clusterroles", namespaced=False),
        Kind("ClusterRoleBinding", RBAC, "v1", "clusterrolebindings", namespaced=False),
        ROLE,
        ROLE_BINDING,
    )
}
KEY = "kubeconfig"


def push_secret_name(cluster: str) -> str:
    """Of the Secret at the hub."""
    return f"push-{cluster}"


async def let_in(
    member: ApiServer, seconds: int, address: str, kubeconfig: Path
) -> tuple[str, str]:
    """Make the account in the cluster; a kubeconfig for it as the hub takes one, and its end.

    Raises:
        CannotAsk: the cluster refuses, or the hub would not take that.
    """
    settings = await settings_of(kubeconfig)
    try:
        for manifest in push_account():
            await member.apply(KINDS[manifest["kind"]], manifest, force=False)
        answer = await member.token(NAMESPACE, ACCOUNT, seconds)
    except ApiError as error:
        raise CannotAsk(
            f"the account {ACCOUNT} cannot be made in the cluster: {error.message}"
        ) from error
    status = answer["status"]
    document = await kubeconfig_of(
        status["token"],
        "member",
        ACCOUNT,
        NAMESPACE,
        address or settings.host,
        settings.ssl_ca_cert,
    )
    text = yaml.safe_dump(document, sort_keys=False)
    try:
        member_kubeconfig(text)
    except RefusedKubeconfig as error:
        raise CannotAsk(f"the hub would not take it: {error}; --server gives an address") from error
    return text, status["expirationTimestamp"]


async def hand_over(
    hub: ApiServer, manifest: Mapping[str, Any], tier: str, namespace: str, kubeconfig: str
) -> None:
    """Write the Secret at the hub, then the cluster that names it; `tier`: where that is new and
    names none.

    Raises:
        CannotAsk: the hub refuses.
    """
    name = manifest["metadata"]["name"]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": push_secret_name(name), "namespace": namespace},
        "data": {KEY: base64.b64encode(kubeconfig.encode()).decode()},
    }
    try:
        await hub.apply(SECRET, secret, force=False)
        await apply_cluster(hub, manifest, tier)
    except ApiError as error:
        raise CannotAsk(f"{name} cannot join: {error.message}") from error
