"""Whether rows that share a batch influence each other: read from the graph, nothing is run.

A batch of a prime length goes through shape inference, so that wherever that length turns up in a
shape, the batch is. Values that hold numbers of rows, and not only lengths, are followed from the
inputs. A node then mixes rows

- if it takes a value with the batch, and gives one without: a sum, a maximum, row 0;
- if it gives the batch twice, each row with each other one;
- if it works along the axis that is the batch, and keeps it: a softmax, a running sum.

Running the model would see more, but an inspection has no weights that are in files of their own,
and must not run a file that nobody vouches for. So a verdict is given only where it is sure, and
where inference cannot follow the batch, that is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto

from triton_operator.model.along_batch import lone_integers, works_along
from triton_operator.model.contents import subgraphs
from triton_operator.model.graph_tensors import real_inputs
from triton_operator.model.operators import DEFAULT_DOMAINS

Shape = Sequence[int | None] | None
"""A length that inference does not find is None, and so is a shape without a number of axes."""

_OF_SHAPES = frozenset({"Shape", "Size", "RandomNormalLike", "RandomUniformLike", "EyeLike"})
"""Take nothing of a value but how long it is, or its type."""

_RANGES = "DynamicQuantizeLinear"
"""Mixes rows as much as quantisation does, which is told and no verdict."""


@dataclass(frozen=True)
class Mixing:
    """What is known of rows that meet: `mixed`, a verdict, or what is told beside one."""

    mixed: str | None = None
    told: str | None = None


def mixing(model: ModelProto, shapes: Mapping[str, Shape], rows: int) -> Mixing:
    """Look at all nodes of the main graph that have a say in an output.

    `shapes` are those of all values of the model, as inference finds them for a batch of `rows`, a
    prime.
    """
    graph = model.graph
    versions = [one.version for one in model.opset_import if one.domain in DEFAULT_DOMAINS]
    opset = max(versions, default=1)
    functions = {(one.domain, one.name) for one in model.functions}
    integers = lone_integers(graph)
    nodes, needed = _with_a_say(graph)
    of_rows = {value.name for value in real_inputs(graph)}
    lost: NodeProto | None = None
    ranges: NodeProto | None = None
    for node in nodes:
        taken = [name for name in _reads(node) if name in of_rows]
        if not taken or _is(node, *_OF_SHAPES):
            continue
        of_rows.update(node.output)
        if _is(node, _RANGES):
            ranges = ranges or node
            continue
        batched = [name for name in taken if _has_batch(shapes.get(name), rows)]
        if not batched:
            continue
        given = [shapes.get(name) for name in node.output if name in needed]
        how = _sure(node, [shapes[name] for name in batched], given, rows)
        how = how or works_along(node, shapes, rows, opset, integers)
        if how:
            output = _reached(node, nodes, graph)
            return Mixing(f"rows of output '{output}' influence each other: {_named(node)} {how}")
        inside = (node.domain, node.op_type) in functions or any(map(_graphs, node.attribute))
        if inside or not any(_has_batch(shape, rows) for shape in given):
            lost = lost or node
    if lost is not None:
        return Mixing(told=f"whether rows influence each other is not known from {_named(lost)} on")
    if ranges is not None:
        return Mixing(told=f"{_named(ranges)} finds its range over the whole batch")
    return Mixing()


def _sure(node: NodeProto, taken: Sequence[Shape], given: Sequence[Shape], rows: int) -> str | None:
    """How the node mixes rows, by its shapes alone."""
    for shape in given:
        if shape is None or None in shape:
            continue
        if not _has_batch(shape, rows):
            return "takes all rows of a batch together"
        if _batches(shape, rows) > max(_batches(one, rows) for one in taken):
            return "compares each row of a batch with each other one"
    return None


def _has_batch(shape: Shape, rows: int) -> bool:
    return _batches(shape, rows) > 0


def _batches(shape: Shape, rows: int) -> int:
    """How many axes the batch is on. Axes that it was merged with are its multiples."""
    return sum(length is not None and length > 0 and length % rows == 0 for length in shape or ())


def _with_a_say(graph: GraphProto) -> tuple[list[NodeProto], set[str]]:
    """The nodes that outputs depend on, in their order, and the values."""
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if not needed.isdisjoint(node.output):
            kept.append(node)
            needed.update(_reads(node))
    return kept[::-1], needed


def _reached(node: NodeProto, nodes: Sequence[NodeProto], graph: GraphProto) -> str:
    """The first output that depends on the node; one does."""
    after = set(node.output)
    for one in nodes:
        if not after.isdisjoint(_reads(one)):
            after.update(one.output)
    return next(value.name for value in graph.output if value.name in after)


def _reads(node: NodeProto) -> Iterator[str]:
    """What it takes numbers from, also inside its subgraphs, whose own names do no harm here."""
    # Of CastLike the second input is a type.
    yield from node.input[:1] if _is(node, "CastLike") else node.input
    pending = [graph for attribute in node.attribute for graph in _graphs(attribute)]
    while pending:
        graph = pending.pop()
        yield from (value.name for value in graph.output)
        for inner in graph.node:
            yield from inner.input
            pending += [one for attribute in inner.attribute for one in _graphs(attribute)]


def _graphs(attribute: AttributeProto) -> list[GraphProto]:
    return list(subgraphs(attribute))


def _is(node: NodeProto, *operators: str) -> bool:
    return node.domain in DEFAULT_DOMAINS and node.op_type in operators


def _named(node: NodeProto) -> str:
    name = f"'{node.name}'" if node.name else f"that makes '{next(iter(node.output), '')}'"
    return f"node {name} ({node.op_type})"
