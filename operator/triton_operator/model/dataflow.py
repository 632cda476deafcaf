"""Whether a graph hangs together: every value is made once, before it is used."""

from collections.abc import Iterable, Sequence

from onnx import GraphProto, ModelProto, NodeProto

from triton_operator.model import reasons
from triton_operator.model.contents import subgraphs
from triton_operator.model.errors import ModelRefused


def refuse_broken_dataflow(model: ModelProto) -> None:
    """Check the graph, its subgraphs and the local functions; ONNX asks for topological order.

    Raises:
        ModelRefused: `NotAModel`, naming the first value that is missing or made twice.
    """
    _check_graph(model.graph, [])
    for function in model.functions:
        where = f"function '{function.name}'"
        defined = _check_nodes(function.node, set(function.input), [], where)
        _check_outputs(function.output, [defined], where)


def _check_graph(graph: GraphProto, outer: list[set[str]]) -> None:
    # `outer` is a list of scopes instead of one merged set: merging would be quadratic in a hostile
    # file. The depth of nesting is bounded before this runs.
    where = f"graph '{graph.name}'"
    given = {value.name for value in graph.input}
    given |= {tensor.name for tensor in graph.initializer}
    given |= {sparse.values.name for sparse in graph.sparse_initializer}
    defined = _check_nodes(graph.node, given, outer, where)
    _check_outputs((value.name for value in graph.output), [*outer, defined], where)


def _check_nodes(
    nodes: Sequence[NodeProto], defined: set[str], outer: list[set[str]], where: str
) -> set[str]:
    for node in nodes:
        for name in node.input:
            # An empty name is an optional input that is left out.
            if name and name not in defined and not any(name in scope for scope in outer):
                raise ModelRefused(
                    reasons.NOT_A_MODEL,
                    f"{where}: node '{node.name}' ({node.op_type}) needs the value '{name}', "
                    "which nothing before it makes",
                )
        for attribute in node.attribute:
            for graph in subgraphs(attribute):
                _check_graph(graph, [*outer, defined])
        for name in node.output:
            if name and name in defined:
                raise ModelRefused(
                    reasons.NOT_A_MODEL, f"{where}: the value '{name}' is made twice"
                )
            defined.add(name)
    return defined


def _check_outputs(names: Iterable[str], scopes: list[set[str]], where: str) -> None:
    for name in names:
        if not any(name in scope for scope in scopes):
            raise ModelRefused(reasons.NOT_A_MODEL, f"{where}: nothing makes the output '{name}'")
