"""Nodes by their shape: what a replica could have on one of them if it were empty.

A cluster has thousands of nodes and few shapes. Fit is decided on shapes, so that it costs the same
for 20 nodes and for 5,000, and changes only when a kind of node comes or goes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from triton_operator.planning.nodes import NodeFacts, Taint
from triton_operator.planning.quantities import MEBIBYTE, millicores, size_bytes


@dataclass(frozen=True)
class NodeShape:
    """What nodes of one kind offer when empty.

    `labels` are only those that pools look at, sorted. CPU in millicores; memory in bytes, cut to
    whole mebibytes, in which replicas are sized too: nothing that fits is lost by that. `devices`
    are extended resources of which there is at least one, sorted.
    """

    labels: tuple[tuple[str, str], ...] = ()
    taints: tuple[Taint, ...] = ()
    architecture: str = ""
    operating_system: str = ""
    cpu_millicores: int = 0
    memory_bytes: int = 0
    devices: tuple[tuple[str, int], ...] = ()

    def label(self, key: str) -> str | None:
        """The value of a label that pools look at."""
        return dict(self.labels).get(key)

    def count(self, resource: str) -> int:
        """How many of an extended resource there are."""
        return dict(self.devices).get(resource, 0)

    @property
    def kind(self) -> tuple[object, ...]:
        """Everything but sizes."""
        return (self.labels, self.taints, self.architecture, self.operating_system)

    @property
    def size(self) -> tuple[int, int, int]:
        """Grows with every part that grows."""
        devices = sum(count for _, count in self.devices)
        return (self.cpu_millicores, self.memory_bytes, devices)

    def covers(self, other: "NodeShape") -> bool:
        """Whether everything that fits on `other` fits here too."""
        return (
            self.kind == other.kind
            and self.cpu_millicores >= other.cpu_millicores
            and self.memory_bytes >= other.memory_bytes
            and all(self.count(resource) >= count for resource, count in other.devices)
        )


def shape_of(node: NodeFacts, label_keys: Iterable[str]) -> NodeShape:
    """The shape of a node, with those of its labels that pools look at."""
    memory = size_bytes(node.allocatable.get("memory", "0"))
    return NodeShape(
        labels=tuple((key, node.labels[key]) for key in sorted(label_keys) if key in node.labels),
        taints=node.taints,
        architecture=node.architecture,
        operating_system=node.operating_system,
        cpu_millicores=millicores(node.allocatable.get("cpu", "0")),
        memory_bytes=memory - memory % MEBIBYTE,
        devices=tuple(
            sorted(
                (resource, int(amount))
                for resource, amount in node.allocatable.items()
                if "/" in resource and amount.isdigit() and amount != "0"
            )
        ),
    )


def largest(shapes: Iterable[NodeShape]) -> tuple[NodeShape, ...]:
    """The shapes that no other one covers, in an order that depends on nothing else.

    A node that is no larger than another of its kind changes nothing here.
    """
    kept: list[NodeShape] = []
    # Whatever covers a shape is at least as large in every part, so it comes before it.
    for shape in sorted(set(shapes), key=lambda one: (one.size, repr(one)), reverse=True):
        if not any(other.covers(shape) for other in kept):
            kept.append(shape)
    return tuple(kept)
