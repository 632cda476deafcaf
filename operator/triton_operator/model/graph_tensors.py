"""Inputs and outputs as the graph declares them, completed by shape inference where it does not."""

from dataclasses import dataclass
from math import prod

from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, shape_inference

from triton_operator.api.tensors import Tensor
from triton_operator.model import reasons
from triton_operator.model.datatypes import ELEMENT_BITS, triton_datatype
from triton_operator.model.errors import ModelRefused
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.weights import MOST_AXES

Axis = int | str | None
"""A fixed length, the name of a dynamic length, or a dynamic length without a name."""


@dataclass(frozen=True)
class GraphTensor:
    """One input or output; `role` is "input" or "output"."""

    role: str
    name: str
    datatype: str
    axes: tuple[Axis, ...]

    def __str__(self) -> str:
        return f"{self.role} '{self.name}'"

    def as_fact(self) -> Tensor:
        """The tensor as the API keeps it: -1 for any dynamic length."""
        shape = [axis if isinstance(axis, int) else -1 for axis in self.axes]
        return Tensor(name=self.name, datatype=self.datatype, shape=shape)


def real_inputs(graph: GraphProto) -> list[ValueInfoProto]:
    """Inputs that a request fills: up to IR version 3 initializers are listed as inputs too."""
    initialized = {tensor.name for tensor in graph.initializer}
    initialized |= {sparse.values.name for sparse in graph.sparse_initializer}
    return [value for value in graph.input if value.name not in initialized]


def is_complete(value: ValueInfoProto) -> bool:
    """Whether the graph declares a type, and for a tensor its number of axes and element type."""
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return kind is not None
    tensor = value.type.tensor_type
    return tensor.HasField("shape") and tensor.elem_type != TensorProto.UNDEFINED


def graph_tensors(
    model: ModelProto, limits: InspectionLimits
) -> tuple[list[GraphTensor], list[GraphTensor]]:
    """Inputs and outputs of the model, in its order.

    Raises:
        ModelRefused: `NoInputs`, `NoOutputs`, `UnsupportedType`, `UnsupportedShape`,
            `UnsupportedName`, `TensorTooLarge`, `ModelTooLarge`; `NotAModel` for a name used twice.
    """
    inputs = real_inputs(model.graph)
    outputs = list(model.graph.output)
    if not inputs:
        raise ModelRefused(
            reasons.NO_INPUTS,
            "the graph has no input that a request could fill; a served model needs at least one",
        )
    if not outputs:
        raise ModelRefused(reasons.NO_OUTPUTS, "the graph has no output")
    if not all(is_complete(value) for value in outputs):
        inferred = {value.name: value for value in inferred_outputs(model)}
        outputs = [
            value if is_complete(value) else inferred.get(value.name, value) for value in outputs
        ]
    return _read(inputs, "input", limits), _read(outputs, "output", limits)


def inferred_outputs(model: ModelProto) -> list[ValueInfoProto]:
    """The graph's outputs after shape inference; as declared where that finds nothing."""
    outputs = {value.name for value in model.graph.output}
    return [value for value in inferred_values(model) if value.name in outputs]


def inferred_values(model: ModelProto) -> list[ValueInfoProto]:
    """Values between nodes, where shape inference finds them, then the outputs as above.

    The model should be free of large tensors: inference copies it. It is not strict:
    ONNX Runtime's own operators have no inference here, but the rest of the graph does.
    """
    try:
        graph = shape_inference.infer_shapes(model, data_prop=True).graph
        return [*graph.value_info, *graph.output]
    except (shape_inference.InferenceError, RuntimeError, ValueError, TypeError):
        return list(model.graph.output)


def _read(values: list[ValueInfoProto], role: str, limits: InspectionLimits) -> list[GraphTensor]:
    if len(values) > limits.tensors:
        raise ModelRefused(
            reasons.MODEL_TOO_LARGE,
            f"the model has {len(values)} {role}s; at most {limits.tensors} are supported",
        )
    names = [value.name for value in values]
    if len(set(names)) != len(names):
        raise ModelRefused(reasons.NOT_A_MODEL, f"two {role}s of the model have the same name")
    return [_read_one(value, role, limits) for value in values]


def _read_one(value: ValueInfoProto, role: str, limits: InspectionLimits) -> GraphTensor:
    where = f"{role} '{value.name}'"
    if not value.name or len(value.name) > 512 or not value.name.isprintable():
        raise ModelRefused(
            reasons.UNSUPPORTED_NAME,
            f"{where} needs a printable name of 1 to 512 characters; rename it in the graph",
        )
    kind = value.type.WhichOneof("value")
    if kind is None:
        raise ModelRefused(
            reasons.UNSUPPORTED_TYPE, f"{where} declares no type, and none can be inferred"
        )
    if kind != "tensor_type":
        raise ModelRefused(
            reasons.UNSUPPORTED_TYPE,
            f"{where} is a {kind.removesuffix('_type').replace('_', ' ')}, not a tensor; export "
            "the model with plain tensors (with skl2onnx: the option zipmap=False)",
        )
    tensor = value.type.tensor_type
    datatype = triton_datatype(tensor.elem_type, where)
    if not tensor.HasField("shape"):
        raise ModelRefused(
            reasons.UNSUPPORTED_SHAPE,
            f"{where} declares no number of axes, and none can be inferred; "
            "add its shape to the graph, with names for dynamic axes",
        )
    axes = tuple(_axis(dimension) for dimension in tensor.shape.dim)
    if len(axes) > MOST_AXES:
        raise ModelRefused(
            reasons.UNSUPPORTED_SHAPE, f"{where} has {len(axes)} axes; at most {MOST_AXES} work"
        )
    least = prod(axis for axis in axes if isinstance(axis, int))
    least_bytes = least * ELEMENT_BITS.get(tensor.elem_type, 8) // 8
    if least_bytes > limits.tensor_bytes:
        raise ModelRefused(
            reasons.TENSOR_TOO_LARGE,
            f"{where} takes at least {least_bytes} bytes; one message to Triton has at most "
            f"{limits.tensor_bytes}",
        )
    return GraphTensor(role, value.name, datatype, axes)


def _axis(dimension: object) -> Axis:
    kind = dimension.WhichOneof("value")  # type: ignore[attr-defined]
    if kind == "dim_param":
        return str(dimension.dim_param) or None  # type: ignore[attr-defined]
    if kind == "dim_value":
        # Exporters write 0 and -1 for "not known".
        length = int(dimension.dim_value)  # type: ignore[attr-defined]
        return length if length > 0 else None
    return None
