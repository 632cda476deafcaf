"""What the command line asks of a hub: its clusters, and a kubeconfig for an agent."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from triton_operator.cli.joining import apply_cluster
from triton_operator.cli.live import CannotAsk
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiNotFound
from triton_operator.controllers.kinds import INFERENCE_WORK, SERVICE_ACCOUNT
from triton_operator.fleet.mailbox import AGENT, mailbox_namespace
from triton_operator.hub.kinds import INFERENCE_CLUSTER

MAILBOX_SECONDS = 60.0
POLL_SECONDS = 0.5
HEADINGS = ("NAME", "TIER", "STATE", "SINCE", "FLAPS", "WORKS", "APPLIED", "AGENT", "PAUSED")


async def cluster_rows(server: ApiServer) -> list[tuple[str, ...]]:
    """A row under `HEADINGS` for each cluster.

    Raises:
        CannotAsk: no answer, no right, or no such kind.
    """
    try:
        clusters = await server.find(INFERENCE_CLUSTER, None)
        works = await server.find(INFERENCE_WORK, None)
    except ApiNotFound as error:
        raise CannotAsk(
            "the cluster does not know InferenceClusters; install the definitions: "
            "`kubectl apply --server-side -f crds`, or the chart"
        ) from error
    except ApiError as error:
        raise CannotAsk(f"the hub cannot be asked: {error.message}") from error
    return [_row(body, works) for body in sorted(clusters, key=_name)]


async def joined(
    server: ApiServer,
    manifest: Mapping[str, Any],
    tier: str,
    seconds: int,
    address: str,
    kubeconfig: Path | None,
) -> tuple[dict[str, Any], str]:
    """Apply a cluster, wait for its mailbox, and a kubeconfig for its agent with the token's end.

    `tier`: of a cluster that is new, where the manifest names none.

    Raises:
        CannotAsk: the hub refuses, or makes no mailbox.
    """
    name = manifest["metadata"]["name"]
    namespace = mailbox_namespace(name)
    settings = await settings_of(kubeconfig)
    address = address or settings.host
    if not address.startswith("https://"):
        raise CannotAsk(
            f"{name} cannot join by {address}: its agent takes no hub that is not reached by "
            "https; give the API server's https:// address with --server"
        )
    try:
        await apply_cluster(server, manifest, tier)
        await _until_made(server, name, namespace)
        answer = await server.token(namespace, AGENT, seconds)
    except ApiError as error:
        raise CannotAsk(f"{name} cannot join: {error.message}") from error
    status = answer["status"]
    found = await kubeconfig_of(
        status["token"], "hub", AGENT, namespace, address, settings.ssl_ca_cert
    )
    return found, status["expirationTimestamp"]


async def _until_made(server: ApiServer, name: str, namespace: str) -> None:
    """Wait for the account in the mailbox."""
    deadline = asyncio.get_running_loop().time() + MAILBOX_SECONDS
    while await server.get(SERVICE_ACCOUNT, namespace, AGENT) is None:
        if asyncio.get_running_loop().time() > deadline:
            raise CannotAsk(
                f"{name} has no mailbox after {MAILBOX_SECONDS:.0f} s: does `triton-operator hub` "
                f"run there? `kubectl get inferencecluster {name} -o yaml` may say more"
            )
        await asyncio.sleep(POLL_SECONDS)


async def settings_of(kubeconfig: Path | None) -> Configuration:
    """Where a kubeconfig leads, as kubectl reads it."""
    settings = Configuration()
    try:
        await config.load_kube_config(
            str(kubeconfig) if kubeconfig else None, client_configuration=settings
        )
    except config.ConfigException:
        config.load_incluster_config(client_configuration=settings)
    return settings


async def kubeconfig_of(
    token: str,
    cluster_name: str,
    account: str,
    namespace: str,
    address: str,
    authority_file: str | None,
) -> dict[str, Any]:
    """With everything inside of it."""
    cluster = {"server": address}
    if authority_file:
        authority = await asyncio.to_thread(Path(authority_file).read_bytes)
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    context = {"cluster": cluster_name, "user": account, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster_name, "cluster": cluster}],
        "users": [{"name": account, "user": {"token": token}}],
        "contexts": [{"name": cluster_name, "context": context}],
        "current-context": cluster_name,
    }


def _row(body: Mapping[str, Any], works: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    status, spec = body.get("status") or {}, body["spec"]
    namespace = mailbox_namespace(_name(body))
    own = [one for one in works if one["metadata"]["namespace"] == namespace]
    applied = [
        one
        for one in own
        if (one.get("status") or {}).get("appliedRevision") == one["spec"]["revision"]
    ]
    return (
        _name(body),
        spec["tier"],
        status.get("connectionState", "-"),
        status.get("lostSince") or status.get("lastHeardTime") or "never",
        str(status.get("flaps", 0)),
        str(len(own)),
        str(len(applied)),
        status.get("agentVersion", "-"),
        "yes" if spec.get("paused") else "no",
    )


def _name(body: Mapping[str, Any]) -> str:
    return str(body["metadata"]["name"])
