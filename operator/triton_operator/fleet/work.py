"""A work as its member reads it. Its template goes on as it is: the API server there judges it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triton_operator.api.enums import ScalingMode
from triton_operator.fleet.mailbox import DELETED_BY
from triton_operator.fleet.origin import ORIGIN_UID, ORPHAN


class UnreadableWork(ValueError):
    """A work lacks what the agent needs; the text says which field."""


@dataclass(frozen=True)
class Work:
    """One service that the hub wants here, as `namespace`/`target`."""

    name: str
    uid: str
    generation: int
    revision: int
    hub_id: str
    origin_uid: str
    namespace: str
    target: str
    template: Mapping[str, Any]
    routing: str = ""
    """`spec.routing` as JSON, as the service gets it; empty: requests stay."""
    is_orphaning: bool = False
    is_leaving: bool = False
    is_hubs_will: bool = False
    """That it is leaving."""


def work_of(body: Mapping[str, Any]) -> Work:
    """Reads an InferenceWork.

    Raises:
        UnreadableWork: a field is missing, or is not what it should be.
    """
    metadata = body["metadata"]
    spec = _typed(dict, body.get("spec"), "spec")
    target = _typed(dict, spec.get("target"), "spec.target")
    return Work(
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        revision=_typed(int, spec.get("revision"), "spec.revision"),
        hub_id=_typed(str, spec.get("hubID"), "spec.hubID"),
        origin_uid=(metadata.get("labels") or {}).get(ORIGIN_UID, ""),
        namespace=_typed(str, target.get("namespace"), "spec.target.namespace"),
        target=_typed(str, target.get("name"), "spec.target.name"),
        template=_typed(dict, spec.get("template"), "spec.template"),
        routing=_routing(spec.get("routing")),
        is_orphaning=spec.get("deletionPolicy") == ORPHAN,
        is_leaving=is_leaving(body),
        is_hubs_will=is_hubs_will(body),
    )


def _routing(value: Any) -> str:
    if not isinstance(value, dict) or not value.get("endpoints"):
        return ""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def is_leaving(body: Mapping[str, Any]) -> bool:
    """Whether a work was deleted, by whomever."""
    return "deletionTimestamp" in body["metadata"]


def is_hubs_will(body: Mapping[str, Any]) -> bool:
    """Whether the hub itself deletes a work, or is about to."""
    return bool((body["metadata"].get("annotations") or {}).get(DELETED_BY))


def is_there(body: Mapping[str, Any]) -> bool:
    """Whether a work counts as one that the hub has: one that somebody else has deleted does not,
    and is waited for as one that is absent."""
    return not is_leaving(body) or is_hubs_will(body)


def most_replicas(spec: Mapping[str, Any]) -> int | None:
    """`scaling.maxReplicas` of a service's spec; a fixed number is its own maximum."""
    scaling = spec.get("scaling") or {}
    fixed = scaling.get("mode") == ScalingMode.FIXED
    most = scaling.get("minReplicas" if fixed else "maxReplicas")
    return most if isinstance(most, int) else None


def _typed(kind: type, value: Any, path: str) -> Any:
    if not isinstance(value, kind) or not (value or kind is int):
        raise UnreadableWork(f"{path}: the hub says {value!r}, which is no {kind.__name__}")
    return value
