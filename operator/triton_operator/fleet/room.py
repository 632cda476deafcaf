"""How many more replicas a cluster could start now: what its nodes have left, counted pod by pod.

It is a sum, not a scheduler: selectors, required node affinity, taints and resources count; ports,
volumes and spreading do not. Services are counted each for itself, so what one is told to have room
for, another is told too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triton_operator.api.serving_pool import Toleration
from triton_operator.planning.fit import tolerates
from triton_operator.planning.nodes import NodeFacts
from triton_operator.planning.quantities import parse_quantity

PODS = "pods"
FINISHED = ("Succeeded", "Failed")
MOST_COMPARED = 10_000
"""Tolerations of a pod times taints of a node."""
Amounts = Mapping[str, int]
"""Resources in thousandths: of a core, of a byte, of a device."""


@dataclass(frozen=True)
class FreeNode:
    """A node that takes pods now, and what it has left."""

    facts: NodeFacts
    free: Amounts


def requests_of(pod_spec: Mapping[str, Any]) -> dict[str, int]:
    """What a pod keeps for itself, as the scheduler counts it.

    Containers and restartable init containers together, or the largest init container if that is
    more; and the overhead of its runtime class.
    """
    total: dict[str, int] = {}
    largest: dict[str, int] = {}
    for container in pod_spec.get("containers") or ():
        _add(total, _amounts(container))
    for container in pod_spec.get("initContainers") or ():
        wanted = _amounts(container)
        if container.get("restartPolicy") == "Always":
            _add(total, wanted)
        else:
            for name, amount in wanted.items():
                largest[name] = max(amount, largest.get(name, 0))
    found = {name: max(total.get(name, 0), largest.get(name, 0)) for name in total | largest}
    _add(found, _quantities(pod_spec.get("overhead") or {}))
    return {**found, PODS: 1000}


class NodeRoom:
    """What schedulable nodes have left, as one pod after the other takes its part.

    Nothing is kept of pods but the sums of what these nodes have.
    """

    def __init__(self, nodes: Iterable[NodeFacts]) -> None:
        self._nodes = tuple(node for node in nodes if node.schedulable)
        self._left = {node.name: _quantities(node.allocatable) for node in self._nodes}

    def take(self, pod: Mapping[str, Any]) -> None:
        """A pod is there. One that is finished, or on none of these nodes, takes nothing.

        Raises:
            ValueError: it asks for an amount that is none.
        """
        spec = pod["spec"]
        left = self._left.get(spec.get("nodeName") or "")
        if left is None or (pod.get("status") or {}).get("phase") in FINISHED:
            return
        for name, amount in requests_of(spec).items():
            if name in left:
                left[name] -= amount

    def free_nodes(self) -> tuple[FreeNode, ...]:
        """The nodes, with what is left now."""
        return tuple(FreeNode(node, dict(self._left[node.name])) for node in self._nodes)


def more_replicas(
    templates: Sequence[Mapping[str, Any]], nodes: Sequence[FreeNode]
) -> Iterator[int]:
    """Pods of these specs that one node after the other takes, those of the first spec first.

    Between two of them, others may run: specs times nodes may be millions.

    Raises:
        ValueError: a spec asks for an amount that is none, or has too many tolerations.
    """
    left = {node.facts.name: dict(node.free) for node in nodes}
    taints = max((len(node.facts.taints) for node in nodes), default=0)
    for template in templates:
        rows = template.get("tolerations") or ()
        if len(rows) * taints > MOST_COMPARED:
            raise ValueError(
                f"a Deployment has {len(rows)} tolerations and a node {taints} taints, which are "
                "too many to be compared"
            )
        tolerations = [Toleration.model_validate(one) for one in rows]
        wanted = {name: amount for name, amount in requests_of(template).items() if amount}
        for node in nodes:
            free = left[node.facts.name]
            if not _may_go(template, tolerations, node.facts):
                yield 0
                continue
            fit = max(0, min(free.get(name, 0) // amount for name, amount in wanted.items()))
            _add(free, {name: -fit * amount for name, amount in wanted.items()})
            yield fit


def _may_go(
    template: Mapping[str, Any], tolerations: Sequence[Toleration], node: NodeFacts
) -> bool:
    selector = template.get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in selector.items()):
        return False
    if not all(tolerates(tolerations, taint) for taint in node.taints):
        return False
    affinity = (template.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    terms = (required or {}).get("nodeSelectorTerms") or ()
    return required is None or any(_matches(term, node.labels) for term in terms)


def _matches(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """One term; an operator that is not known here matches nothing."""
    rows = term.get("matchExpressions") or ()
    return bool(rows) and all(_holds(row, labels) for row in rows)


def _holds(row: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(row["key"])
    match row.get("operator"):
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "In":
            return value in (row.get("values") or ())
        case "NotIn":
            return value not in (row.get("values") or ())
    return False


def _amounts(container: Mapping[str, Any]) -> dict[str, int]:
    return _quantities((container.get("resources") or {}).get("requests") or {})


def _quantities(texts: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(1000 * parse_quantity(str(text))) for name, text in texts.items()}


def _add(total: dict[str, int], more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount
