"""The container that converts a model in a pod: in the Job that compares, and before a server."""

from collections.abc import Sequence
from typing import Any

from triton_operator.api.model_profile import ModelFacts
from triton_operator.manifests.container_resources import ContainerResources
from triton_operator.manifests.fetching import FetchSettings, container_security
from triton_operator.planning.quantities import MEBIBYTE, memory_quantity

CONVERT_CONTAINER = "convert"
FETCHED_VOLUME = "fetched"
FETCHED_DIR = "/fetched"
"""Where the model lies that is converted, and nothing that Triton looks at."""
FETCHED_MODEL = f"{FETCHED_DIR}/model.onnx"
_TIMES_THE_MODEL = 5
"""Memory of a conversion (measured: 11.6 GB for 2.2 GB, docs/precision.md)."""
_BASE_BYTES = 512 * MEBIBYTE
"""Python with ONNX and its runtime, before a model is there."""


def conversion_resources(facts: ModelFacts, more_bytes: int = 0) -> ContainerResources:
    """What converting a model may use. It asks for little, so that it decides nothing on where the
    pod fits; `more_bytes` are for what else is in memory.
    """
    model = sum(file.size_bytes for file in facts.files)
    return ContainerResources(
        requests={"cpu": "100m", "memory": "64Mi"},
        limits={
            "cpu": "1",
            "memory": memory_quantity(_TIMES_THE_MODEL * model + _BASE_BYTES + more_bytes),
        },
    )


def converting_container(
    arguments: Sequence[str],
    settings: FetchSettings,
    *,
    mounts: Sequence[dict[str, Any]],
    resources: ContainerResources,
) -> dict[str, Any]:
    """A container that runs `python -m triton_operator.model.conversion` on the fetched model."""
    command, *others = arguments
    return {
        "name": CONVERT_CONTAINER,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python3", "-P", "-m", "triton_operator.model.conversion"],
        "args": [command, f"--model={FETCHED_MODEL}", *others],
        "resources": resources.manifest(),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": FETCHED_VOLUME, "mountPath": FETCHED_DIR, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # a path in the pod
            *mounts,
        ],
    }
