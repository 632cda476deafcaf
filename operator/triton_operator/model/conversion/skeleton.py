"""A model without the bulk of its weights, which is all that shape inference needs.

Inference copies a model several times, and cannot take one of 2 GiB at all.
"""

from collections.abc import Iterable

from onnx import ModelProto, TensorProto, ValueInfoProto, shape_inference

from triton_operator.model.weights import KEPT_ELEMENTS, element_count, is_external


def skeleton(model: ModelProto) -> ModelProto:
    """A copy in which large initializers have a name, a type and a shape only."""
    bare = ModelProto(ir_version=model.ir_version)
    bare.opset_import.extend(model.opset_import)
    bare.functions.extend(model.functions)
    graph = bare.graph
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    graph.initializer.extend(_bare(model.graph.initializer))
    return bare


def inferred_values(bare: ModelProto) -> list[ValueInfoProto]:
    """Types and shapes of values between nodes, and of outputs; only what can be inferred."""
    try:
        graph = shape_inference.infer_shapes(bare, data_prop=True).graph
    except (shape_inference.InferenceError, RuntimeError, ValueError, TypeError):
        return []
    return [*graph.value_info, *graph.output]


def _bare(tensors: Iterable[TensorProto]) -> Iterable[TensorProto]:
    for tensor in tensors:
        if element_count(tensor) <= KEPT_ELEMENTS and not is_external(tensor):
            yield tensor
        else:
            yield TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
