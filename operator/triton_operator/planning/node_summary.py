"""All nodes of a cluster by shape, with a short memory, so that plans do not follow every node."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from triton_operator.planning.nodes import NodeFacts
from triton_operator.planning.shapes import NodeShape, shape_of

SETTLING_SECONDS = 300.0
"""How long a node that is gone still counts, and one that has just come is not held against a pool.

A node that is replaced is back within minutes; on a new one, the device plug-in needs a minute or
two before it offers its accelerators.
"""


@dataclass(frozen=True)
class NodeSummary:
    """Shapes of nodes, and how many nodes of each there are.

    `last_seen` has every shape that is there or was within the last `SETTLING_SECONDS`, with the
    time. `settled` counts nodes that have been there for longer than that, by shape; a shape that
    is only remembered counts 0 nodes. `next_change` is when time alone changes this summary.
    """

    label_keys: frozenset[str] = frozenset()
    last_seen: Mapping[NodeShape, float] = field(default_factory=dict)
    settled: Mapping[NodeShape, int] = field(default_factory=dict)
    next_change: float | None = None


def summarise(
    nodes: Iterable[NodeFacts],
    label_keys: Collection[str],
    *,
    now: float = math.inf,
    before: NodeSummary | None = None,
) -> NodeSummary:
    """The summary of these nodes, which still remembers what `before` had shortly before `now`.

    `now` is in seconds since the epoch; without it, every node has been there long enough.
    A memory with other labels is worth nothing, as its shapes are others.
    """
    keys = frozenset(label_keys)
    settled: dict[NodeShape, int] = {}
    last_seen: dict[NodeShape, float] = {}
    changes: list[float] = []
    for node in nodes:
        shape = shape_of(node, keys)
        last_seen[shape] = now
        settles = (node.created or 0.0) + SETTLING_SECONDS
        if node.created is None or settles <= now:
            settled[shape] = settled.get(shape, 0) + 1
        else:
            changes.append(settles)
    if before is not None and before.label_keys == keys:
        for shape, seen in before.last_seen.items():
            if shape not in last_seen and now - seen < SETTLING_SECONDS:
                last_seen[shape] = seen
                settled[shape] = 0
                changes.append(seen + SETTLING_SECONDS)
    return NodeSummary(keys, last_seen, settled, min(changes, default=None))
