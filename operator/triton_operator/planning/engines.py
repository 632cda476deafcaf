"""What else may run an ONNX model on a pool than ONNX Runtime's own kernels: one engine for each
kind of hardware, where the pool's owner names it, and whether it can there.

As with a copy in another precision, it runs where it was measured and beats what it would replace
(see `adoption`). That a model does not load in it is found out in that way too, and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.api.conversion_method import Method
from triton_operator.api.enums import Engine, ModelFormat
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.api.tensors import Tensor
from triton_operator.planning.measurements import engine_of, is_of_copy, refusals_on_hardware_of
from triton_operator.planning.pools import Pool
from triton_operator.triton.datatypes import STRING
from triton_operator.triton.features import Feature
from triton_operator.triton.releases import NVIDIA_IMAGES, Release
from triton_operator.triton.tensorrt_provider import tensorrt_problem

_NVIDIA = "nvidia.com/"
_WHY_ASK = {
    Engine.TENSORRT: "each pod would compile for minutes before it serves",
    Engine.OPENVINO: "it computes in BF16 on CPUs that have it",
}
"""What somebody has to want: no pool has an engine that its owner does not name."""


@dataclass(frozen=True)
class Alternative:
    """The other engine on a pool, and why it is not to be had; None: it is."""

    engine: Engine
    why_not: str | None = None


@dataclass(frozen=True)
class Runtime:
    """What will run on a pool: the image, its release (None: not known), and Triton's batch size
    there."""

    image: str
    release: Release | None
    max_batch_size: int


def alternative(
    facts: ModelFacts, pool: Pool, runtime: Runtime, copy: Conversion | None
) -> Alternative | None:
    """The engine that is in question for the model, or for its copy; None: none ever is."""
    if facts.format is not ModelFormat.ONNX or facts.repository is not None:
        return None
    engine = Engine.TENSORRT if pool.is_gpu else Engine.OPENVINO
    missing = _absent(engine, pool, runtime)
    why = missing or _unable(engine, facts, pool, runtime, copy)
    return Alternative(engine, f"{engine} not used: {why}" if why else None)


def refusal_of(
    engine: Engine | None,
    facts: ModelFacts,
    pool: Pool,
    copy: Conversion | None,
    release: Release | None,
    known: Sequence[Measurement],
) -> str | None:
    """Why the model, or its copy, does not run by the engine, as was found out; None: not known.

    Another release may do what one could not.
    """
    for row in refusals_on_hardware_of(pool, known):
        told = row.hardware.triton_release
        if (
            row.engine == engine_of(facts, engine)
            and row.precision.value == (copy.precision.value if copy else "FP32")
            and row.rebatched == bool(copy and copy.rebatched)
            and (told is None or release is None or told == str(release))
            and (copy is None or is_of_copy(row, copy))
        ):
            return row.refusal
    return None


def _absent(engine: Engine, pool: Pool, runtime: Runtime) -> str | None:
    """Why nobody has asked for it on the pool, or the image is not known to have it."""
    if pool.engines is None:
        return (
            f"{_WHY_ASK[engine]}; name it in spec.engines of ServingPool {pool.name} if that will "
            "do"
        )
    if engine not in pool.engines:
        return f"not among spec.engines of pool {pool.name}"
    of_nvidia = engine is Engine.TENSORRT and runtime.image.startswith(NVIDIA_IMAGES)
    if runtime.image == pool.image or of_nvidia:
        return None
    return (
        f"nothing says that image {runtime.image} has it; make that the image of a ServingPool "
        "that names it in spec.engines"
    )


def _unable(
    engine: Engine,
    facts: ModelFacts,
    pool: Pool,
    runtime: Runtime,
    copy: Conversion | None,
) -> str | None:
    """Why it is nothing for this model on this pool."""
    if engine is Engine.OPENVINO:
        return _openvino_problem((*facts.inputs, *facts.outputs))
    if not (pool.accelerator_resource or "").startswith(_NVIDIA):
        return f"it needs a GPU of NVIDIA, and pool {pool.name} has {pool.accelerator_resource}"
    if runtime.release and not Feature.TENSORRT_OPTIONS.in_release(runtime.release):
        return f"Triton {runtime.release} cannot be told shapes; use 24.03 or later"
    if copy is not None and copy.method == Method.INT8_DYNAMIC:
        return "it does not have the operators of a copy in dynamic INT8"
    return tensorrt_problem(facts.inputs, runtime.max_batch_size)


def _openvino_problem(tensors: Sequence[Tensor]) -> str | None:
    for tensor in tensors:
        if tensor.datatype == STRING:
            return f"tensor {tensor.name} holds strings, which OpenVINO does not have"
    return None
