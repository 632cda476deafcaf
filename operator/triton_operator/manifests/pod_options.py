"""What a service's `runtime` adds to its pods: those that serve, and those that inspect."""

from collections.abc import Mapping
from typing import Any

from triton_operator.api.runtime import Runtime
from triton_operator.manifests.fetching import FetchSettings


def pod_metadata(
    runtime: Runtime, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> dict[str, Any]:
    """Metadata of a pod template: the operator's labels, the user's annotations win."""
    metadata: dict[str, Any] = {"labels": {**(runtime.pod_labels or {}), **labels}}
    if annotations or runtime.pod_annotations:
        metadata["annotations"] = {**annotations, **(runtime.pod_annotations or {})}
    return metadata


def pod_identity(runtime: Runtime, settings: FetchSettings) -> dict[str, Any]:
    """As whom a pod runs, and with which Secrets its images are pulled: the operator's first."""
    identity: dict[str, Any] = {}
    if runtime.service_account_name:
        # The API server fills in the old name of the field, and would keep the account by it after
        # the new one is gone. What is written goes when it is not written any more.
        identity["serviceAccountName"] = runtime.service_account_name
        identity["serviceAccount"] = runtime.service_account_name
    secrets = [*settings.pull_secrets, *(row.name for row in runtime.image_pull_secrets or ())]
    if secrets:
        identity["imagePullSecrets"] = [{"name": name} for name in dict.fromkeys(secrets)]
    return identity


def options_of_every_pod(runtime: Runtime) -> dict[str, Any]:
    """What is said of all pods, as on the wire; empty where nothing is."""
    return runtime.model_dump(
        mode="json",
        by_alias=True,
        exclude_none=True,
        include={"image_pull_secrets", "service_account_name", "pod_labels", "pod_annotations"},
    )
