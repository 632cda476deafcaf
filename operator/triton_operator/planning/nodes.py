"""What planning needs to know of a node."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from triton_operator.planning.quantities import LONGEST, cpu_quantity, millicores, size_bytes

GPU_RESOURCE = "nvidia.com/gpu"
KEEPS_PODS_AWAY = ("NoSchedule", "NoExecute")
PASSING_TAINTS = (
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "ToBeDeletedByClusterAutoscaler",
    "karpenter.sh/",
    "node.cilium.io/",
)
"""How the keys of taints begin that come and go: cordoned, not ready, under pressure, about to be
replaced. They say what is so right now, and not what kind of node it is."""


class Taint(NamedTuple):
    """What keeps pods off a node that do not tolerate it."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return f"{self.key}{'=' if self.value else ''}{self.value}:{self.effect}"


@dataclass(frozen=True)
class NodeFacts:
    """A node, without its heartbeat: equal facts mean that nothing worth planning for changed.

    `taints` are those that belong to the kind of node. `created` is in seconds since the epoch;
    None: not known.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    allocatable: Mapping[str, str] = field(default_factory=dict)
    schedulable: bool = True
    taints: tuple[Taint, ...] = ()
    architecture: str = ""
    operating_system: str = ""
    created: float | None = None

    def offers(self, resource: str) -> bool:
        """Whether the node has at least one of an extended resource."""
        return self.allocatable.get(resource, "0") != "0"


def node_facts(node: Mapping[str, Any]) -> NodeFacts:
    """The facts in a Node object."""
    metadata = node["metadata"]
    status = node.get("status", {})
    spec = node.get("spec") or {}
    labels = dict(metadata.get("labels") or {})
    system = status.get("nodeInfo") or {}
    ready = any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )
    return NodeFacts(
        name=metadata["name"],
        labels=labels,
        allocatable=dict(status.get("allocatable") or {}),
        schedulable=ready and not spec.get("unschedulable", False),
        taints=_lasting_taints(spec.get("taints") or ()),
        # Schedulers look at the labels; the kubelet sets both.
        architecture=labels.get("kubernetes.io/arch") or system.get("architecture", ""),
        operating_system=labels.get("kubernetes.io/os") or system.get("operatingSystem", ""),
        created=_epoch_seconds(metadata.get("creationTimestamp")),
    )


def _lasting_taints(taints: Iterable[Mapping[str, Any]]) -> tuple[Taint, ...]:
    return tuple(
        sorted(
            Taint(taint["key"], taint.get("value") or "", taint["effect"])
            for taint in taints
            if taint["effect"] in KEEPS_PODS_AWAY and not taint["key"].startswith(PASSING_TAINTS)
        )
    )


def _epoch_seconds(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None


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
            elif "/" in resource and len(amount) <= LONGEST and amount.isdigit():
                devices[resource] = devices.get(resource, 0) + int(amount)
    return {
        "cpu": cpu_quantity(cpu),
        "memory": str(memory),
        **{name: str(count) for name, count in sorted(devices.items())},
    }
