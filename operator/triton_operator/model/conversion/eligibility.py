"""What stands against a conversion, found before it starts: an ordered chain of checks.

Each names the node or the tensor, and what to do about it.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from triton_operator.api.conversion_method import Method
from triton_operator.model import reasons
from triton_operator.model.contents import contents, subgraphs
from triton_operator.model.errors import ModelRefused
from triton_operator.model.limits import InspectionLimits

LARGEST_HALF = 65504.0
"""The largest finite FP16 value."""

_QUANTIZED = frozenset(
    {
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLSTM",
        "DynamicQuantizeLinear",
        "DynamicQuantizeMatMul",
        "GatherBlockQuantized",
        "MatMulBnb4",
        "MatMulFpQ4",
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "MatMulNBits",
    }
)
_NARROW: Mapping[int, str] = MappingProxyType(
    {TensorProto.FLOAT16: "FP16", TensorProto.BFLOAT16: "BF16"}
)


def refuse_ineligible(model: ModelProto, method: Method, limits: InspectionLimits) -> None:
    """Check the model as it was read, with its weights.

    Raises:
        ModelRefused: `ConversionRefused`.
    """
    found = contents(model, limits)
    for node in found.nodes:
        if is_quantized(node):
            raise _refused(
                method, f"{described(node)} is quantised already; convert the FP32 model"
            )
    _refuse_narrow(model, found.nodes, found.tensors, method)
    if model.graph.sparse_initializer:
        name = model.graph.sparse_initializer[0].values.name
        raise _refused(method, f"tensor '{name}' is sparse, which the tools do not convert")
    if not any(tensor.data_type == TensorProto.FLOAT for tensor in found.tensors):
        largest = max(found.tensors, key=lambda tensor: int(np.prod(tensor.dims)), default=None)
        has = (
            "it has no weights"
            if largest is None
            else f"its largest tensor '{largest.name}' is {_type_name(largest)}"
        )
        raise _refused(method, f"the model has no FP32 weights to convert: {has}")
    for tensor in found.tensors:
        _refuse_not_finite(tensor, method)


def refuse_control_flow(model: ModelProto, method: Method) -> None:
    """Branches and loops see values of the graph around them, whose types a conversion changes.

    ONNX Runtime's tools convert that only in part. With dynamic INT8 they need not: values between
    nodes stay FP32, and so do branches and loops as a whole.

    Raises:
        ModelRefused: `ConversionRefused`.
    """
    if method is Method.INT8_DYNAMIC:
        return
    for node in model.graph.node:
        if any(True for attribute in node.attribute for _ in subgraphs(attribute)):
            raise _refused(
                method,
                f"{described(node)} has graphs inside (control flow), whose types would not fit "
                "those around it; export the model without it, or keep FP32",
            )


def is_quantized(node: NodeProto) -> bool:
    """Whether the operator works on quantised numbers; no other one begins with a Q."""
    return node.op_type in _QUANTIZED or node.op_type.startswith("Q")


def described(node: NodeProto) -> str:
    """The node for a message: its name, or where its result goes."""
    name = f"'{node.name}'" if node.name else f"that makes '{next(iter(node.output), '')}'"
    return f"node {name} ({node.op_type})"


def float_values(tensor: TensorProto) -> NDArray[np.float32] | None:
    """The values of an FP32 tensor; None for any other."""
    if tensor.data_type != TensorProto.FLOAT:
        return None
    return np.asarray(numpy_helper.to_array(tensor), dtype=np.float32)


def beyond_half(tensor: TensorProto) -> bool:
    """Whether FP16 cannot hold some value of this FP32 tensor."""
    values = float_values(tensor)
    return values is not None and bool(values.size) and float(np.abs(values).max()) > LARGEST_HALF


def _refuse_narrow(
    model: ModelProto,
    nodes: Iterable[NodeProto],
    tensors: Iterable[TensorProto],
    method: Method,
) -> None:
    for value in [*model.graph.input, *model.graph.output]:
        if name := _NARROW.get(value.type.tensor_type.elem_type):
            raise _refused(method, f"'{value.name}' is {name} already; convert the FP32 model")
    for tensor in tensors:
        if name := _NARROW.get(tensor.data_type):
            raise _refused(
                method, f"tensor '{tensor.name}' is {name} already; convert the FP32 model"
            )
    for node in nodes:
        if node.op_type == "Cast":
            for attribute in node.attribute:
                if attribute.name == "to" and (name := _NARROW.get(attribute.i)):
                    raise _refused(
                        method, f"{described(node)} makes {name} already; convert the FP32 model"
                    )


def _refuse_not_finite(tensor: TensorProto, method: Method) -> None:
    values = float_values(tensor)
    if values is None or bool(np.isfinite(values).all()):
        return
    # A mask of attention is often a single minus infinity, which FP16 has too.
    if values.size == 1 and not np.isnan(values).any() and method is not Method.INT8_STATIC:
        return
    bad = int(np.size(values) - np.isfinite(values).sum())
    raise _refused(
        method,
        f"tensor '{tensor.name}' has {bad} values that are NaN or infinite; repair the model",
    )


def _type_name(tensor: TensorProto) -> str:
    known = tensor.data_type in TensorProto.DataType.values()
    return str(TensorProto.DataType.Name(tensor.data_type)) if known else str(tensor.data_type)


def _refused(method: Method, message: str) -> ModelRefused:
    return ModelRefused(reasons.CONVERSION_REFUSED, f"no conversion to {method}: {message}")
