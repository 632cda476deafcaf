"""An upgrade of the operator alone restarts no pod.

The containers that fetch a model and make its copy run the operator's image, so every upgrade
would replace the pods of every service. A Deployment that differs in that image only keeps the one
that it has; the new one goes in with the next change that replaces pods anyway.
"""

from collections.abc import Mapping
from typing import Any

from triton_operator.api import labels
from triton_operator.controllers.views import DeploymentView
from triton_operator.manifests.converting import CONVERT_CONTAINER
from triton_operator.manifests.copy_store import TAKE_CONTAINER
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.fetching import FETCH_CONTAINER

_OF_THE_OPERATOR = (TAKE_CONTAINER, FETCH_CONTAINER, CONVERT_CONTAINER)


def with_kept_fetch_image(
    manifest: dict[str, Any], present: Mapping[str, DeploymentView]
) -> dict[str, Any]:
    """`manifest`, or the same with the fetch image of its Deployment in `present` (by name).

    The latter where that is exactly what was written, so that nothing has to be written again.
    """
    view = present.get(manifest["metadata"]["name"]) if manifest["kind"] == "Deployment" else None
    if view is None or not view.fetch_image:
        return manifest
    older = _with_image(manifest, view.fetch_image)
    if older == manifest:
        # At rest, and hashing is the larger part of the work.
        return manifest
    wanted_hash = with_desired_hash(older)["metadata"]["annotations"][labels.DESIRED_HASH]
    return older if view.desired_hash == wanted_hash else manifest


def _with_image(manifest: Mapping[str, Any], image: str) -> dict[str, Any]:
    spec = manifest["spec"]
    pod = spec["template"]["spec"]
    containers = [
        {**container, "image": image} if container["name"] in _OF_THE_OPERATOR else container
        for container in pod["initContainers"]
    ]
    template = {**spec["template"], "spec": {**pod, "initContainers": containers}}
    return {**manifest, "spec": {**spec, "template": template}}
