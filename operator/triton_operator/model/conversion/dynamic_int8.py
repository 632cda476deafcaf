"""Dynamic INT8: weights of matrix products in INT8, activations quantised at each request."""

from pathlib import Path

from onnx import ModelProto
from onnxruntime.quantization import QuantType, quantize_dynamic

OPERATORS = ("Attention", "LSTM", "MatMul")
"""Gemm becomes MatMul on the way. Conv is left out: `ConvInteger` has no fast kernel on CPUs
(measured: slower than FP32); so is Gather, as embeddings lose accuracy and win no time."""

PARAMETERS = {"operators": list(OPERATORS), "perChannel": True, "weights": "S8"}


def quantize_dynamically(model: ModelProto, into: Path, *, large: bool) -> None:
    """Write the quantised model to `into`; with `large`, its weights go into a file beside it."""
    quantize_dynamic(
        model,
        into,
        op_types_to_quantize=list(OPERATORS),
        per_channel=True,
        weight_type=QuantType.QInt8,
        use_external_data_format=large,
    )
