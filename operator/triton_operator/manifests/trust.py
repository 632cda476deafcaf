"""Certificate authorities of the platform: a ConfigMap beside each service that fetches its model.

The ConfigMap has a fixed name, unlike those of configs: a new bundle reaches the next container
that starts, and no pod is replaced for it. What serves has its model already.
"""

from typing import Any

from triton_operator.manifests import names
from triton_operator.manifests.claims import claim_of
from triton_operator.manifests.owner import Owner

CA_DIR = "/ca"
CA_FILE = "ca.crt"
VOLUME = "ca"


def trust_is_needed(bundle: str | None, uri: str) -> bool:
    """Whether a container that fetches `uri` gets the bundle; a claim needs none."""
    return bool(bundle) and claim_of(uri) is None


def trust_config_map(owner: Owner, bundle: str) -> dict[str, Any]:
    """The ConfigMap with the bundle (PEM); pods can only mount those of their own namespace."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": owner.metadata(names.trust_config_map(owner.name)),
        "data": {CA_FILE: bundle},
    }


def trust_volumes(service: str, bundle: str | None, uri: str) -> list[dict[str, Any]]:
    """The volume with the bundle."""
    if not trust_is_needed(bundle, uri):
        return []
    return [{"name": VOLUME, "configMap": {"name": names.trust_config_map(service)}}]


def trust_mounts(bundle: str | None, uri: str) -> list[dict[str, Any]]:
    """Where that volume appears. A folder, because a mounted file would never change."""
    if not trust_is_needed(bundle, uri):
        return []
    return [{"name": VOLUME, "mountPath": CA_DIR, "readOnly": True}]


def trust_arguments(bundle: str | None, uri: str) -> list[str]:
    """What tells the container about it."""
    return [f"--ca-file={CA_DIR}/{CA_FILE}"] if trust_is_needed(bundle, uri) else []
