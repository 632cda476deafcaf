"""ONNX element types: Triton's name of each, and how many bits an element takes.

Names are those of the v2 inference protocol (KServe's "Open Inference Protocol", Triton's
`protocol/README`), which the client sends: `BYTES` is what config.pbtxt calls `TYPE_STRING`, and
`FP32` is `TYPE_FP32` there. Types that the protocol has no name for (complex, float8, 4-bit …) can
live inside a graph, but not be an input or output.
"""

from onnx import TensorProto

from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused

TRITON_DATATYPES: dict[int, str] = {
    TensorProto.BOOL: "BOOL",
    TensorProto.UINT8: "UINT8",
    TensorProto.UINT16: "UINT16",
    TensorProto.UINT32: "UINT32",
    TensorProto.UINT64: "UINT64",
    TensorProto.INT8: "INT8",
    TensorProto.INT16: "INT16",
    TensorProto.INT32: "INT32",
    TensorProto.INT64: "INT64",
    TensorProto.FLOAT16: "FP16",
    TensorProto.BFLOAT16: "BF16",
    TensorProto.FLOAT: "FP32",
    TensorProto.DOUBLE: "FP64",
    TensorProto.STRING: "BYTES",
}

ELEMENT_BITS: dict[int, int] = {
    TensorProto.BOOL: 8,
    TensorProto.UINT8: 8,
    TensorProto.INT8: 8,
    TensorProto.UINT16: 16,
    TensorProto.INT16: 16,
    TensorProto.UINT32: 32,
    TensorProto.INT32: 32,
    TensorProto.UINT64: 64,
    TensorProto.INT64: 64,
    TensorProto.FLOAT16: 16,
    TensorProto.BFLOAT16: 16,
    TensorProto.FLOAT: 32,
    TensorProto.DOUBLE: 64,
    TensorProto.COMPLEX64: 64,
    TensorProto.COMPLEX128: 128,
    TensorProto.FLOAT8E4M3FN: 8,
    TensorProto.FLOAT8E4M3FNUZ: 8,
    TensorProto.FLOAT8E5M2: 8,
    TensorProto.FLOAT8E5M2FNUZ: 8,
    TensorProto.FLOAT8E8M0: 8,
    TensorProto.UINT4: 4,
    TensorProto.INT4: 4,
    TensorProto.FLOAT4E2M1: 4,
    TensorProto.UINT2: 2,
    TensorProto.INT2: 2,
}
"""Strings have no fixed size and are absent, as is everything newer than this table."""


def triton_datatype(element_type: int, where: str) -> str:
    """Triton's name of an ONNX element type; `where` is what has it, such as "input 'x'".

    Raises:
        ModelRefused: `UnsupportedType`.
    """
    if (name := TRITON_DATATYPES.get(element_type)) is not None:
        return name
    known = element_type in TensorProto.DataType.values()
    spelled = TensorProto.DataType.Name(element_type) if known else f"number {element_type}"
    raise ModelRefused(
        reasons.UNSUPPORTED_TYPE,
        f"{where} has the element type {spelled}, which Triton's protocol cannot carry; "
        "add a Cast to a type such as FLOAT to the graph",
    )
