"""The container that converts a model in a pod: in the Job that compares, and before a server."""

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any

from triton_operator.api.enums import Precision
from triton_operator.api.model_profile import ModelFacts
from triton_operator.manifests.container_resources import ContainerResources
from triton_operator.manifests.fetching import FetchSettings, container_security
from triton_operator.planning.quantities import MEBIBYTE, memory_quantity

CONVERT_CONTAINER = "convert"
FETCHED_VOLUME = "fetched"
FETCHED_DIR = "/fetched"
"""Where the model lies that is converted, and nothing that Triton looks at."""
FETCHED_MODEL = f"{FETCHED_DIR}/model.onnx"
_TIMES_THE_MODEL: Mapping[Precision, int] = MappingProxyType(
    {Precision.FP32: 8, Precision.FP16: 6, Precision.INT8: 10}
)
"""Memory of a conversion, by what it is to. Measured (docs/precision.md): FP16 5.3 times, INT8
up to 9.0, static and dynamic; FP32, which is a dynamic batch, 6.4."""
_BASE_BYTES = 512 * MEBIBYTE
"""Python with ONNX and its runtime, before a model is there: 110 MiB, and room."""
_ACTIVATIONS_BYTES = 2048 * MEBIBYTE
"""Values between nodes of one row, in calibration and in comparing. Nothing that is known about a
model tells how many there are: 600 MiB for 16 values of 16 x 640 x 640."""
_MADE_UP_ROWS = 32
_UNKNOWN_AXIS = 64
"""Both as `model.generated_rows` has them."""
_WIDEST_VALUE_BYTES = 8


def conversion_resources(facts: ModelFacts, precision: Precision) -> ContainerResources:
    """What making a copy again may use, before a server starts. It asks for little, so that it
    decides nothing on where the pod fits.
    """
    return _resources(_conversion_bytes(facts, precision))


def comparison_resources(
    facts: ModelFacts, precision: Precision, samples_bytes: int
) -> ContainerResources:
    """What a Job may use, which runs both models too. `samples_bytes` 0: inputs are made up."""
    inputs = samples_bytes or _MADE_UP_ROWS * _row_bytes(facts)
    return _resources(_conversion_bytes(facts, precision) + _ACTIVATIONS_BYTES + inputs)


def _conversion_bytes(facts: ModelFacts, precision: Precision) -> int:
    model = sum(file.size_bytes for file in facts.files)
    return _TIMES_THE_MODEL[precision] * model + _BASE_BYTES


def _row_bytes(facts: ModelFacts) -> int:
    """At most, of one row for all inputs; the first axis, if it may have any length, is a batch."""
    return sum(
        _WIDEST_VALUE_BYTES
        * prod(
            length if length >= 0 else _UNKNOWN_AXIS if axis else 1
            for axis, length in enumerate(tensor.shape)
        )
        for tensor in facts.inputs
    )


def _resources(limit_bytes: int) -> ContainerResources:
    return ContainerResources(
        requests={"cpu": "100m", "memory": "64Mi"},
        limits={"cpu": "1", "memory": memory_quantity(limit_bytes)},
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
