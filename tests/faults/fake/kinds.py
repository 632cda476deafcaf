"""The kinds that the fake API server serves, and what is particular about each."""

from dataclasses import dataclass

from triton_operator.controllers import kinds
from triton_operator.controllers.kinds import NAMESPACE, Kind

SERVED = (*kinds.WATCHED, kinds.EVENT, NAMESPACE, kinds.INFERENCE_WORK, kinds.LEASE)
GENERATIONS = frozenset(
    {"InferenceService", "ServingPool", "ModelProfile", "Deployment", "Job", "InferenceWork"},
)
"""Kinds whose `metadata.generation` grows."""
STATUSES = frozenset(
    {"InferenceService", "ServingPool", "Deployment", "Job", "Pod", "Node", "InferenceWork"}
)
"""Kinds whose status is a subresource: other writes leave it alone."""
SCALED = {"Deployment": ("spec", "replicas")}
"""Where `scale` writes. That of InferenceServices is not used by the operator."""


@dataclass(frozen=True)
class Target:
    """What a path names; `name` is empty for a collection."""

    kind: Kind
    namespace: str
    name: str = ""
    subresource: str = ""


def target(path: str) -> Target | None:
    """The target of a path below the server's root, or None where nothing is served."""
    parts = path.strip("/").split("/")
    group = "" if parts[0] == "api" else parts[1] if len(parts) > 1 else ""
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    if not rest:
        return None
    for kind in SERVED:
        if (kind.group, kind.plural) == (group, rest[0]):
            return Target(kind, namespace, *rest[1:3])
    return None
