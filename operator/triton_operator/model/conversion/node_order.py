"""Nodes in an order in which every value is made before it is used, as ONNX asks for."""

import heapq
from collections import defaultdict
from collections.abc import Iterator

from onnx import GraphProto, NodeProto

from triton_operator.model.contents import subgraphs


def order_nodes(graph: GraphProto) -> None:
    """Sort the nodes in place. Among those that could come next, the first one does.

    Converters append nodes at the end. Their own sorting overlooks that graphs inside nodes use
    values from outside.

    Raises:
        ValueError: the graph has a cycle.
    """
    nodes = list(graph.node)
    maker = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    waits = [{maker[name] for name in used_names(node) if name in maker} for node in nodes]
    followers: dict[int, list[int]] = defaultdict(list)
    for index, before in enumerate(waits):
        for other in before:
            followers[other].append(index)
    missing = [len(before) for before in waits]
    ready = [index for index, count in enumerate(missing) if count == 0]
    heapq.heapify(ready)
    ordered: list[NodeProto] = []
    while ready:
        index = heapq.heappop(ready)
        ordered.append(nodes[index])
        for follower in followers[index]:
            missing[follower] -= 1
            if missing[follower] == 0:
                heapq.heappush(ready, follower)
    if len(ordered) != len(nodes):
        raise ValueError(f"graph '{graph.name}' has a cycle")
    del graph.node[:]
    graph.node.extend(ordered)


def used_names(node: NodeProto) -> set[str]:
    """Values that the node needs, also those that graphs inside take from outside."""
    names = {name for name in node.input if name}
    for attribute in node.attribute:
        for graph in subgraphs(attribute):
            inside = {name for inner in graph.node for name in used_names(inner)}
            inside |= {value.name for value in graph.output}
            names |= inside - set(_made(graph))
    return names


def _made(graph: GraphProto) -> Iterator[str]:
    yield from (value.name for value in graph.input)
    yield from (tensor.name for tensor in graph.initializer)
    yield from (sparse.values.name for sparse in graph.sparse_initializer)
    yield from (name for node in graph.node for name in node.output)
