"""The container that fetches a model: the same volumes, limits and arguments in Job and pod."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from triton_operator.api.inference_service import Model

SOURCE_DIR = "/source"
CREDENTIALS_DIR = "/credentials"
FETCH_CONTAINER = "fetch"
USER_ID = 1000
"""Triton's own user in NVIDIA's images (triton-server)."""


@dataclass(frozen=True)
class FetchSettings:
    """The operator's image, and the bounds of a download (bytes, seconds)."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    max_bytes: int = 20 * 2**30
    timeout_seconds: int = 1800


def claim_of(uri: str) -> str | None:
    """The PersistentVolumeClaim of a `pvc://CLAIM/PATH` address."""
    return uri.removeprefix("pvc://").partition("/")[0] if uri.startswith("pvc://") else None


def source_volumes(model: Model) -> list[dict[str, Any]]:
    """The volumes from which the model and its store's credentials come."""
    volumes: list[dict[str, Any]] = []
    if claim := claim_of(model.uri):
        volumes.append(
            {
                "name": "source",
                "persistentVolumeClaim": {"claimName": claim, "readOnly": True},
            }
        )
    if model.secret_name:
        volumes.append({"name": "credentials", "secret": {"secretName": model.secret_name}})
    return volumes


def source_mounts(model: Model) -> list[dict[str, Any]]:
    """Where those volumes appear, read-only."""
    mounts: list[dict[str, Any]] = []
    if claim_of(model.uri):
        mounts.append({"name": "source", "mountPath": SOURCE_DIR, "readOnly": True})
    if model.secret_name:
        mounts.append({"name": "credentials", "mountPath": CREDENTIALS_DIR, "readOnly": True})
    return mounts


def fetch_container(
    name: str,
    arguments: Sequence[str],
    settings: FetchSettings,
    *,
    mounts: list[dict[str, Any]],
    resources: dict[str, Any],
) -> dict[str, Any]:
    """A container of the operator's image that runs `python -m triton_operator.model`."""
    return {
        "name": name,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python3", "-P", "-m", "triton_operator.model"],
        "args": list(arguments),
        "resources": resources,
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }


def container_security() -> dict[str, Any]:
    """What the `restricted` Pod Security Standard asks of a container, and a read-only root."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def pod_security() -> dict[str, Any]:
    """What the `restricted` Pod Security Standard asks of a pod."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "runAsGroup": USER_ID,
        "fsGroup": USER_ID,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
