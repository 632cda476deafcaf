"""The container that fetches a model: the same volumes, limits and arguments in Job and pod."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from triton_operator.api.enums import ModelFormat
from triton_operator.api.model_profile import ModelFile
from triton_operator.api.model_source import Model
from triton_operator.manifests.claims import claim_of
from triton_operator.manifests.container_resources import ContainerResources
from triton_operator.manifests.proxy import NO_PROXY, Proxy, proxy_environment
from triton_operator.manifests.trust import trust_arguments, trust_mounts, trust_volumes

SOURCE_DIR = "/source"
CREDENTIALS_DIR = "/credentials"
ALL_NAMESPACES = "*"
FETCH_CONTAINER = "fetch"
SOURCE_VOLUME = "source"
USER_ID = 1000
"""Triton's own user in NVIDIA's images (triton-server)."""


INSPECTION_RESOURCES = ContainerResources(
    requests={"cpu": "100m", "memory": "256Mi"}, limits={"cpu": "1", "memory": "4Gi"}
)
FETCH_RESOURCES = ContainerResources(
    # Below what Triton asks for, so that fetching never decides where the pod fits.
    requests={"cpu": "100m", "memory": "64Mi"},
    limits={"cpu": "1", "memory": "256Mi"},
)


@dataclass(frozen=True)
class FetchSettings:
    """How models are fetched in this cluster: image, bounds (bytes, seconds), and surroundings.

    `pull_secrets` are names of Secrets in the namespace of each service. `ca_bundle` is PEM.
    """

    image: str
    image_pull_policy: str = "IfNotPresent"
    max_bytes: int = 20 * 2**30
    timeout_seconds: int = 1800
    pull_secrets: tuple[str, ...] = ()
    code_namespaces: tuple[str, ...] = ()
    """Namespaces whose models may execute code; `*` is all of them."""
    ca_bundle: str | None = None
    proxy: Proxy = NO_PROXY
    inspection_resources: ContainerResources = INSPECTION_RESOURCES
    fetch_resources: ContainerResources = FETCH_RESOURCES

    def allows_code(self, namespace: str) -> bool:
        """Whether models of that namespace may execute code."""
        return namespace in self.code_namespaces or ALL_NAMESPACES in self.code_namespaces


def may_hold_code(model: Model) -> bool:
    """Whether the right to execute code makes a difference for the model's format."""
    return model.format in (ModelFormat.TRITON_REPOSITORY, ModelFormat.TORCHSCRIPT)


def format_arguments(model: Model, namespace: str, settings: FetchSettings) -> list[str]:
    """What a fetch has to know about a format other than ONNX."""
    if model.format is ModelFormat.ONNX:
        return []
    arguments = [f"--format={model.format}"]
    if may_hold_code(model) and settings.allows_code(namespace):
        arguments.append("--allow-code")
    return arguments


def source_volumes(
    service: str, model: Model, settings: FetchSettings, source: str = SOURCE_VOLUME
) -> list[dict[str, Any]]:
    """The volumes from which the model, its store's credentials and whom to trust come."""
    volumes: list[dict[str, Any]] = []
    if claim := claim_of(model.uri):
        volumes.append(
            {
                "name": source,
                "persistentVolumeClaim": {"claimName": claim, "readOnly": True},
            }
        )
    if model.secret_name:
        volumes.append({"name": "credentials", "secret": {"secretName": model.secret_name}})
    return [*volumes, *trust_volumes(service, settings.ca_bundle, model.uri)]


def source_mounts(
    model: Model, settings: FetchSettings, source: str = SOURCE_VOLUME
) -> list[dict[str, Any]]:
    """Where those volumes appear, read-only."""
    mounts: list[dict[str, Any]] = []
    if claim_of(model.uri):
        mounts.append({"name": source, "mountPath": SOURCE_DIR, "readOnly": True})
    if model.secret_name:
        mounts.append({"name": "credentials", "mountPath": CREDENTIALS_DIR, "readOnly": True})
    return [*mounts, *trust_mounts(settings.ca_bundle, model.uri)]


def source_arguments(model: Model) -> list[str]:
    """The arguments that say where the model is, the same for Job and pod."""
    arguments = [f"--uri={model.uri}"]
    if model.endpoint:
        arguments.append(f"--endpoint={model.endpoint}")
    return arguments


def listed(files: Sequence[ModelFile]) -> str:
    """The files as an argument says them."""
    return json.dumps([file.wire() for file in files], separators=(",", ":"))


def fetch_container(
    name: str,
    arguments: Sequence[str],
    model: Model,
    settings: FetchSettings,
    *,
    mounts: list[dict[str, Any]],
    resources: ContainerResources,
    source: str = SOURCE_VOLUME,
) -> dict[str, Any]:
    """A container of the operator's image that runs `python -m triton_operator.model`.

    `source` is the volume of a claim that the address names.
    """
    container: dict[str, Any] = {
        "name": name,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python3", "-P", "-m", "triton_operator.model"],
        "args": [*arguments, *trust_arguments(settings.ca_bundle, model.uri)],
        "resources": resources.manifest(),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [*mounts, *source_mounts(model, settings, source)],
    }
    if environment := proxy_environment(settings.proxy, model.uri):
        container["env"] = environment
    return container


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
