"""Everything inside a model, wherever it hides: subgraphs, local functions, attributes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto

from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused
from triton_operator.model.limits import InspectionLimits


@dataclass
class Contents:
    """A flat view of one model, in the order of the file."""

    graphs: list[GraphProto] = field(default_factory=list)
    nodes: list[NodeProto] = field(default_factory=list)
    parameters: list[TensorProto] = field(default_factory=list)
    """Initializers, values of sparse initializers, and tensors of Constant nodes."""
    other_tensors: list[TensorProto] = field(default_factory=list)
    """Tensors in other attributes, and indices of sparse ones: data, but no parameters."""
    listed_parameters: int = 0
    """Numbers that Constant nodes spell as a list or a scalar instead of a tensor."""

    @property
    def tensors(self) -> list[TensorProto]:
        """Every tensor that the file holds or refers to."""
        return self.parameters + self.other_tensors


def contents(model: ModelProto, limits: InspectionLimits) -> Contents:
    """Walk the graph and the local functions; a function counts once, however often it is called.

    Raises:
        ModelRefused: `ModelTooLarge`, beyond `limits`.
    """
    found = Contents()
    # A stack instead of recursion: the depth is the file's, and the file is untrusted.
    pending: list[tuple[GraphProto | list[NodeProto], int]] = [(model.graph, 0)]
    pending += [(list(function.node), 0) for function in model.functions]
    while pending:
        scope, depth = pending.pop()
        if depth > limits.depth:
            raise ModelRefused(
                reasons.MODEL_TOO_LARGE, f"subgraphs are nested more than {limits.depth} deep"
            )
        if isinstance(scope, GraphProto):
            found.graphs.append(scope)
            found.parameters.extend(scope.initializer)
            for sparse in scope.sparse_initializer:
                _add_sparse(found, sparse, is_parameter=True)
        for node in scope.node if isinstance(scope, GraphProto) else scope:
            found.nodes.append(node)
            for attribute in node.attribute:
                _add_tensors(found, attribute, is_constant=is_constant(node))
                pending += [(graph, depth + 1) for graph in subgraphs(attribute)]
            _refuse_beyond(found, limits)
        _refuse_beyond(found, limits)
    return found


def is_constant(node: NodeProto) -> bool:
    """Whether the node is ONNX's own Constant."""
    return node.op_type == "Constant" and node.domain in ("", "ai.onnx")


def subgraphs(attribute: AttributeProto) -> Iterator[GraphProto]:
    """Graphs in an attribute, whatever its `type` field claims."""
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def _add_tensors(found: Contents, attribute: AttributeProto, *, is_constant: bool) -> None:
    into = found.parameters if is_constant else found.other_tensors
    if attribute.HasField("t"):
        into.append(attribute.t)
    into.extend(attribute.tensors)
    if attribute.HasField("sparse_tensor"):
        _add_sparse(found, attribute.sparse_tensor, is_parameter=is_constant)
    for sparse in attribute.sparse_tensors:
        _add_sparse(found, sparse, is_parameter=is_constant)
    if is_constant:
        found.listed_parameters += len(attribute.floats) + len(attribute.ints)
        found.listed_parameters += attribute.name in ("value_float", "value_int")


def _add_sparse(found: Contents, sparse: SparseTensorProto, *, is_parameter: bool) -> None:
    (found.parameters if is_parameter else found.other_tensors).append(sparse.values)
    found.other_tensors.append(sparse.indices)


def _refuse_beyond(found: Contents, limits: InspectionLimits) -> None:
    if len(found.nodes) > limits.nodes:
        raise ModelRefused(
            reasons.MODEL_TOO_LARGE, f"the model has more than {limits.nodes:,} nodes"
        )
    if len(found.parameters) + len(found.other_tensors) > limits.weights:
        raise ModelRefused(
            reasons.MODEL_TOO_LARGE, f"the model has more than {limits.weights:,} tensors"
        )
