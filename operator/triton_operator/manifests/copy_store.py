"""The containers that put copies into `spec.precision.store`, and take them from there.

Only they get the store's credentials: neither what reads and runs an untrusted model has them, nor
what serves. A Secret that is missing holds no pod: the copy is made in the pod then.
"""

from collections.abc import Sequence
from typing import Any

from triton_operator.api.copy_address import copy_uri
from triton_operator.api.copy_store import CopyStore
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import Conversion
from triton_operator.manifests.digest_cache import cache_arguments, cache_mounts
from triton_operator.manifests.fetching import (
    CREDENTIALS_DIR,
    FetchSettings,
    container_security,
    listed,
)
from triton_operator.manifests.proxy import proxy_environment
from triton_operator.manifests.trust import trust_arguments, trust_mounts, trust_volumes

TAKE_CONTAINER = "take"
PUT_CONTAINER = "put"
PUT_SECONDS = 1800
"""To put a copy into the store."""
_CREDENTIALS_VOLUME = "store-credentials"
_KEPT_VOLUME = "kept"
_KEPT_DIR = "/kept"
"""Where the Job leaves a copy for the container that puts it into the store."""


def take_containers(
    spec: InferenceServiceSpec,
    copy: Conversion,
    settings: FetchSettings,
    *,
    into: str,
    mounts: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """The container that brings the copy to the folder `into` if the cache or the store has it, or
    none.
    """
    store = spec.precision.store
    if store is None or copy.digest is None:
        return []
    arguments = [
        f"--uri={copy_uri(store.uri, copy.digest, copy.files)}",
        f"--digest={copy.digest}",
        f"--files={listed(copy.files)}",
        f"--into={into}",
        f"--max-bytes={settings.max_bytes}",
        f"--timeout-seconds={settings.timeout_seconds}",
        *cache_arguments(spec.model),
    ]
    mounted = [*mounts, *cache_mounts(spec.model)]
    return [_container(TAKE_CONTAINER, "take", arguments, store, settings, mounted)]


def put_container(store: CopyStore, settings: FetchSettings) -> dict[str, Any]:
    """The container that puts what `keeping_arguments` have left into the store."""
    arguments = [
        f"--uri={store.uri}",
        f"--from={_KEPT_DIR}",
        f"--timeout-seconds={PUT_SECONDS}",
    ]
    mounts = [{"name": _KEPT_VOLUME, "mountPath": _KEPT_DIR, "readOnly": True}]
    return _container(PUT_CONTAINER, "put", arguments, store, settings, mounts)


def keeping_arguments(store: CopyStore | None) -> list[str]:
    """What tells the container that compares to leave a sound copy."""
    return [] if store is None else [f"--keep-in={_KEPT_DIR}"]


def keeping_mounts(store: CopyStore | None) -> list[dict[str, Any]]:
    """Where it leaves it."""
    return [] if store is None else [{"name": _KEPT_VOLUME, "mountPath": _KEPT_DIR}]


def keeping_volumes(store: CopyStore | None, size_limit: str) -> list[dict[str, Any]]:
    """The volume for that, on the node's disk."""
    if store is None:
        return []
    return [{"name": _KEPT_VOLUME, "emptyDir": {"sizeLimit": size_limit}}]


def store_volumes(
    service: str, store: CopyStore | None, settings: FetchSettings
) -> list[dict[str, Any]]:
    """The volumes with the store's credentials, and with whom to trust."""
    if store is None:
        return []
    volumes: list[dict[str, Any]] = []
    if store.secret_name:
        secret = {"secretName": store.secret_name, "optional": True}
        volumes.append({"name": _CREDENTIALS_VOLUME, "secret": secret})
    return [*volumes, *trust_volumes(service, settings.ca_bundle, store.uri)]


def _container(
    name: str,
    command: str,
    arguments: Sequence[str],
    store: CopyStore,
    settings: FetchSettings,
    mounts: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """A container that runs `python -m triton_operator.model.copies`."""
    endpoint = [f"--endpoint={store.endpoint}"] if store.endpoint else []
    credentials = {"name": _CREDENTIALS_VOLUME, "mountPath": CREDENTIALS_DIR, "readOnly": True}
    container: dict[str, Any] = {
        "name": name,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python3", "-P", "-m", "triton_operator.model.copies"],
        "args": [
            command,
            *arguments,
            *endpoint,
            *trust_arguments(settings.ca_bundle, store.uri),
        ],
        "resources": settings.fetch_resources.manifest(),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            *mounts,
            *([credentials] if store.secret_name else []),
            *trust_mounts(settings.ca_bundle, store.uri),
        ],
    }
    if environment := proxy_environment(settings.proxy, store.uri):
        container["env"] = environment
    return container
