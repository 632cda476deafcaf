"""Names in a model have to be text: protobuf hands over broken UTF-8 as bytes."""

from collections.abc import Iterable, Iterator

from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from triton_operator.model import reasons
from triton_operator.model.contents import Contents
from triton_operator.model.errors import ModelRefused


def refuse_broken_text(model: ModelProto, found: Contents) -> None:
    """Check every name that anything here reads.

    Raises:
        ModelRefused: `NotAModel`.
    """
    for name in _names(model, found):
        if not isinstance(name, str):
            raise ModelRefused(
                reasons.NOT_A_MODEL,
                f"the file is damaged: it has a name that is not UTF-8 ({name[:40]!r})",
            )


def _names(model: ModelProto, found: Contents) -> Iterator[str | bytes]:
    yield from (row.domain for row in model.opset_import)
    for function in model.functions:
        yield from (function.name, function.domain, *function.input, *function.output)
    yield from _of_graphs(found.graphs)
    yield from _of_nodes(found.nodes)
    yield from _of_tensors(found.tensors)


def _of_graphs(graphs: Iterable[GraphProto]) -> Iterator[str | bytes]:
    for graph in graphs:
        yield graph.name
        for value in [*graph.input, *graph.output]:
            yield value.name
            for dimension in value.type.tensor_type.shape.dim:
                yield dimension.dim_param


def _of_nodes(nodes: Iterable[NodeProto]) -> Iterator[str | bytes]:
    for node in nodes:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _of_tensors(tensors: Iterable[TensorProto]) -> Iterator[str | bytes]:
    for tensor in tensors:
        yield tensor.name
        for entry in tensor.external_data:
            yield from (entry.key, entry.value)
