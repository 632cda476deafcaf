"""What the pod template of a Deployment says, or the spec of a pod, of that which plans look at."""

from collections.abc import Iterator, Mapping
from typing import Any

from triton_operator.manifests.converting import CONVERT_CONTAINER
from triton_operator.manifests.fetching import FETCH_CONTAINER
from triton_operator.manifests.triton_container import SERVING_CONTAINER


def fetch_image(pod: Mapping[str, Any]) -> str:
    """Image of the container that fetches the model; empty where there is none."""
    return next((str(one.get("image", "")) for one in _named(pod, FETCH_CONTAINER)), "")


def serving_memory(pod: Mapping[str, Any]) -> str:
    """Limit of the container that serves, as a quantity; empty where there is none."""
    for container in _named(pod, SERVING_CONTAINER):
        limits = (container.get("resources") or {}).get("limits") or {}
        return str(limits.get("memory", ""))
    return ""


def copy_digest(pod: Mapping[str, Any]) -> str:
    """Of the copy of the model that it makes; empty: it takes the model as it is stored."""
    for container in _named(pod, CONVERT_CONTAINER):
        for argument in container.get("args") or ():
            if str(argument).startswith("--digest="):
                return str(argument).removeprefix("--digest=")
    return ""


def _named(pod: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    for container in (*(pod.get("initContainers") or ()), *(pod.get("containers") or ())):
        if container.get("name") == name:
            yield container
