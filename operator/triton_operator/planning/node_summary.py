"""All nodes of a cluster by shape, with a short memory, so that plans do not follow every node."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from triton_operator.planning.nodes import NodeFacts
from triton_operator.planning.shapes import NodeShape, shape_of

SETTLING_SECONDS = 300.0
"""How long a node that is gone still counts, and one that has just come may lack its accelerators.

A node that is replaced is back within minutes; on a new one, the device plugin needs a minute or
two before it offers anything.
"""


@dataclass(frozen=True)
class NodeSummary:
    """Shapes of nodes, and how many nodes of each there are.

    `last_seen` has every shape that is there or was within the last `SETTLING_SECONDS`, with the
    time. `counts` says how many nodes have it now: 0 of one that is only remembered. `settled`
    counts those that have been there for longer than that. `next_change` is when time alone
    changes this summary.
    """

    label_keys: frozenset[str] = frozenset()
    last_seen: Mapping[NodeShape, float] = field(default_factory=dict)
    counts: Mapping[NodeShape, int] = field(default_factory=dict)
    settled: Mapping[NodeShape, int] = field(default_factory=dict)
    next_change: float | None = None

    def counts_where(
        self, belongs: Callable[[NodeShape], bool], resource: str | None
    ) -> tuple[tuple[NodeShape, int], ...]:
        """How many nodes a pool has, by shape.

        A new node without the pool's accelerator is left out: it may be about to offer it.
        """
        rows = (
            (shape, count if resource is None or shape.count(resource) else self.settled.get(shape))
            for shape, count in self.counts.items()
            if belongs(shape)
        )
        return tuple((shape, count) for shape, count in rows if count is not None)


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
    counts: dict[NodeShape, int] = {}
    settled: dict[NodeShape, int] = {}
    last_seen: dict[NodeShape, float] = {}
    changes: list[float] = []
    for node in nodes:
        shape = shape_of(node, keys)
        if not shape.cpu_millicores:
            # Its kubelet has not reported yet: there is nothing to say about it.
            continue
        last_seen[shape] = now
        counts[shape] = counts.get(shape, 0) + 1
        settles = (node.created or 0.0) + SETTLING_SECONDS
        if node.created is None or settles <= now:
            settled[shape] = settled.get(shape, 0) + 1
        else:
            changes.append(settles)
    if before is not None and before.label_keys == keys:
        for shape, known in before.last_seen.items():
            # What was there at the last look is gone since this one, however long ago that was.
            seen = now if before.counts.get(shape) else known
            if shape not in last_seen and now - seen < SETTLING_SECONDS:
                last_seen[shape] = seen
                counts[shape] = settled[shape] = 0
                changes.append(seen + SETTLING_SECONDS)
    return NodeSummary(keys, last_seen, counts, settled, min(changes, default=None))
