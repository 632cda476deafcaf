"""ONNX Runtime's TensorRT provider in config.pbtxt.

TensorRT compiles an engine for the shapes that it is told, in minutes. Without shape profiles the
provider compiles again whenever a request's shape leaves the range seen so far (onnxruntime#12120),
so the whole range of batch sizes is told, and the warm-up has it compiled before the model counts
as ready. Names and values of the options: `onnxruntime.cc` of Triton's onnxruntime_backend.

Nothing of this ever ran on a GPU: what is tested is the text.
"""

from collections.abc import Sequence
from typing import Any

from triton_operator.api.enums import Precision
from triton_operator.api.tensors import Tensor
from triton_operator.triton.datatypes import STRING
from triton_operator.triton.releases import CONTENTS, Release
from triton_operator.triton.tensor_shapes import item_shape

ENGINES_DIR = "/engines"
"""Where compiled engines are kept, in the container. They are code, for one TensorRT and one GPU:
nobody else may write there."""
_LAST_WITH_MODES = 10
"""TensorRT 11 has no builder flags for precisions: the model's own types say all
(onnxruntime_backend#345)."""


def precision_mode(release: Release, precision: Precision) -> str | None:
    """The option `precision_mode` that a copy in this precision wants; None: none.

    FP32, and whatever is in a file, want none. Up to TensorRT 10 types other than FP32 also need
    the builder's flag.
    """
    contents = CONTENTS.get(release)
    major = contents.tensorrt_major if contents else None
    if major is None or major > _LAST_WITH_MODES or precision is Precision.FP32:
        return None
    return precision.value


def tensorrt_problem(inputs: Sequence[Tensor], max_batch_size: int) -> str | None:
    """Why TensorRT is nothing for a model with these inputs; None: nothing is known against it."""
    for tensor in inputs:
        if tensor.datatype == STRING:
            return f"input {tensor.name} holds strings, which TensorRT does not have"
        if "," in tensor.name:
            return f"the name of input {tensor.name} cannot stand in a list of shapes"
        if any(axis < 1 for axis in item_shape(tensor, max_batch_size)):
            return (
                f"input {tensor.name} has an axis of any length besides the batch: an engine would "
                "be compiled anew for each range of lengths"
            )
    return None


def add_tensorrt(
    config: Any, inputs: Sequence[Tensor], max_batch_size: int, mode: str | None
) -> None:
    """Have this `inference.ModelConfig` run by TensorRT, in batches of 1 to `max_batch_size`.

    `mode` as `precision_mode` says it. Of a model without a batch axis all lengths are known, and
    there is no range to tell.
    """
    provider = config.optimization.execution_accelerators.gpu_execution_accelerator.add(
        name="tensorrt"
    )
    options = {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": ENGINES_DIR,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": ENGINES_DIR,
    }
    if mode is not None:
        options["precision_mode"] = mode
    if max_batch_size > 0:
        # Fastest where there is most to do: batches are only small while the server has time.
        options |= {
            "trt_profile_min_shapes": _shapes(inputs, 1),
            "trt_profile_opt_shapes": _shapes(inputs, max_batch_size),
            "trt_profile_max_shapes": _shapes(inputs, max_batch_size),
        }
    for key, value in options.items():
        provider.parameters[key] = value


def _shapes(inputs: Sequence[Tensor], rows: int) -> str:
    """`name:8x3x224x224,…` of all inputs, in batches of `rows`."""
    return ",".join(
        f"{tensor.name}:{'x'.join(map(str, (rows, *tensor.shape[1:])))}" for tensor in inputs
    )
