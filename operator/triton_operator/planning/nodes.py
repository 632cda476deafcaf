"""What planning needs to know of a node, and which nodes belong to a pool."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from triton_operator.planning.quantities import cpu_quantity, millicores, size_bytes

GPU_RESOURCE = "nvidia.com/gpu"


@dataclass(frozen=True)
class NodeFacts:
    """A node, without its heartbeat: equal facts mean that nothing worth planning for changed."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    allocatable: Mapping[str, str] = field(default_factory=dict)
    schedulable: bool = True

    def offers(self, resource: str) -> bool:
        """Whether the node has at least one of an extended resource."""
        return self.allocatable.get(resource, "0") != "0"


def node_facts(node: Mapping[str, Any]) -> NodeFacts:
    """The facts in a Node object."""
    metadata = node["metadata"]
    status = node.get("status", {})
    ready = any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )
    return NodeFacts(
        name=metadata["name"],
        labels=dict(metadata.get("labels") or {}),
        allocatable=dict(status.get("allocatable") or {}),
        schedulable=ready and not node.get("spec", {}).get("unschedulable", False),
    )


def total_allocatable(nodes: Iterable[NodeFacts]) -> dict[str, str]:
    """CPU, memory and accelerators of all nodes together, as quantities."""
    cpu = memory = 0
    devices: dict[str, int] = {}
    for node in nodes:
        for resource, amount in node.allocatable.items():
            if resource == "cpu":
                cpu += millicores(amount)
            elif resource == "memory":
                memory += size_bytes(amount)
            elif "/" in resource and amount.isdigit():
                devices[resource] = devices.get(resource, 0) + int(amount)
    return {
        "cpu": cpu_quantity(cpu),
        "memory": str(memory),
        **{name: str(count) for name, count in sorted(devices.items())},
    }
