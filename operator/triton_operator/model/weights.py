"""The weights of a model: how many there are, and whether the file really holds them."""

from collections.abc import Iterable
from math import prod

from onnx import TensorProto

from triton_operator.model import reasons
from triton_operator.model.datatypes import ELEMENT_BITS
from triton_operator.model.errors import ModelRefused

MOST_AXES = 64
"""What the API keeps of a shape; ONNX Runtime itself handles far fewer."""

KEPT_ELEMENTS = 1024
"""Tensors up to this size are kept for shape inference: they may be shapes, axes or counts."""

_DATA_FIELDS = (
    "raw_data",
    "float_data",
    "int32_data",
    "string_data",
    "int64_data",
    "double_data",
    "uint64_data",
)


def element_count(tensor: TensorProto) -> int:
    """Number of elements that the tensor declares; 1 for a scalar.

    Raises:
        ModelRefused: `NotAModel`, for a negative length or too many axes.
    """
    if len(tensor.dims) > MOST_AXES or any(length < 0 for length in tensor.dims):
        raise ModelRefused(
            reasons.NOT_A_MODEL, f"tensor '{tensor.name}' declares an impossible shape"
        )
    return prod(tensor.dims)


def declared_bytes(tensor: TensorProto) -> int | None:
    """Bytes that the declared elements take, packed as ONNX packs them; None for strings and
    for types that are newer than this program.
    """
    bits = ELEMENT_BITS.get(tensor.data_type)
    return None if bits is None else (element_count(tensor) * bits + 7) // 8


def is_external(tensor: TensorProto) -> bool:
    """Whether the tensor's data is in another file."""
    return bool(tensor.data_location == TensorProto.EXTERNAL)


def refuse_missing_data(tensors: Iterable[TensorProto]) -> None:
    """Compare what each tensor declares with what the file holds, before anybody allocates it.

    Raises:
        ModelRefused: `NotAModel`.
    """
    for tensor in tensors:
        declared = declared_bytes(tensor)
        if declared is None or is_external(tensor):
            continue
        if tensor.HasField("raw_data"):
            held, unit = len(tensor.raw_data), "bytes"
        else:
            # Typed fields hold one entry per element; 4-bit and 2-bit types are packed into bytes,
            # and a complex number takes two entries.
            held, unit = max(len(getattr(tensor, name)) for name in _DATA_FIELDS[1:]), "elements"
            declared = element_count(tensor)
            if tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128):
                declared *= 2
            elif ELEMENT_BITS[tensor.data_type] < 8:
                per_byte = 8 // ELEMENT_BITS[tensor.data_type]
                declared = (declared + per_byte - 1) // per_byte
        if held != declared:
            raise ModelRefused(
                reasons.NOT_A_MODEL,
                f"tensor '{tensor.name}' of shape {list(tensor.dims)} needs {declared} {unit}, "
                f"but the file holds {held}",
            )


def parameter_count(parameters: Iterable[TensorProto], listed: int) -> int:
    """Elements of all parameter tensors, external ones included, and `listed` single numbers."""
    return sum(element_count(tensor) for tensor in parameters) + listed


def drop_data(tensors: Iterable[TensorProto]) -> None:
    """Remove the data of large tensors in place; names, types and shapes stay.

    Shape inference copies the whole model several times, and needs only small tensors.
    """
    for tensor in tensors:
        if element_count(tensor) > KEPT_ELEMENTS:
            for name in _DATA_FIELDS:
                tensor.ClearField(name)
