"""What a cluster has to run of a service: the `InferenceWork` in its mailbox, from a placement."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from triton_operator.api.enums import DeletionPolicy, OfflinePolicy, ScalingMode, TaintEffect
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_service import DEFAULT_MAX_REPLICAS
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.mailbox import FLEET
from triton_operator.fleet.placement import SitePlacement
from triton_operator.fleet.placement_reasons import Why
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.work import most_replicas

Manifest = dict[str, Any]

SERVICE = f"{FLEET}/service"
"""Annotation: namespace/name of that InferenceService."""
APPLIED = f"{FLEET}/applied"
"""Finalizer: the member runs it, or may; the hub takes it off when the agent says it is gone."""
HUB_ONLY = ("managedBy", "placement")
"""Parts of a service's spec that mean nothing to a member."""
NAME_LIMIT = 63
HASH_LENGTH = 10
MOST_REPLICAS = 1000
"""Of `scaling` in an InferenceService."""


def work_name(namespace: str, name: str) -> str:
    """`namespace.name`, cut and hashed where it would not fit into a label's value.

    A namespace has no dot in it, so no two services share a name.
    """
    whole = f"{namespace}.{name}"
    if len(whole) <= NAME_LIMIT:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:HASH_LENGTH]
    return f"{whole[: NAME_LIMIT - HASH_LENGTH - 1].rstrip('-.')}-{digest}"


def ceiling_of(
    placed: SitePlacement,
    facts: ClusterFacts,
    settings: PlacementSettings,
    written: Mapping[str, Any] | None,
    *,
    keeps: bool = False,
) -> int:
    """`maxReplicas` to write; `written`: the spec of the work that there is.

    Where nothing can be changed it stays as it was written, and in a drained cluster that `keeps`
    requests which the placement has counted as sent away.
    Without a maximum over clusters it does not follow what the cluster could run at the moment: a
    node that is away while the link is cut must not bind the cluster once the node is back.
    """
    drained = TaintEffect.NO_SELECT in facts.taints
    if written is not None and (not facts.moves or (drained and keeps)):
        most = most_replicas(written["template"])
        return placed.ceiling if most is None else most
    if settings.bounds(facts.tier) or drained:
        return placed.ceiling
    return MOST_REPLICAS


def template(spec: Mapping[str, Any], floor: int, ceiling: int) -> Manifest:
    """The service's spec as the member gets it, with the bounds of its autoscaler.

    The service's own bounds are those of every cluster; who fixes the number of replicas has fixed
    it in each, as far as a maximum over clusters allows. A ceiling of 0 is no value of
    `maxReplicas`: the work is on its way out then.
    """
    kept = {name: part for name, part in spec.items() if name not in HUB_ONLY}
    scaling = dict(spec.get("scaling") or {})
    least = scaling.get("minReplicas", 1)
    if scaling.get("mode") == ScalingMode.FIXED:
        fixed = min(least, max(1, ceiling))
        bounds = {name: fixed for name in ("minReplicas", "maxReplicas") if name in scaling}
        return {**kept, "scaling": {**scaling, "minReplicas": fixed, **bounds}}
    asked = scaling.get("maxReplicas") or max(DEFAULT_MAX_REPLICAS, least)
    most = max(1, min(asked, ceiling))
    bounds = {"minReplicas": min(most, max(least, floor)), "maxReplicas": most}
    return {**kept, **_offline(spec, asked), "scaling": {**scaling, **bounds}}


def _offline(spec: Mapping[str, Any], asked: int) -> Manifest:
    """`offline` with what the service itself allows, which a member cannot know: it gets the bound
    that the hub makes of it."""
    offline = spec.get("offline") or {}
    if offline.get("policy") != OfflinePolicy.LOCAL_MAX:
        return {}
    return {"offline": {"maxReplicas": asked, **offline}}


def work_spec(
    service: Mapping[str, Any],
    cluster: InferenceClusterSpec,
    its_template: Manifest,
    its_routing: Manifest,
    hub_id: str,
) -> Manifest:
    """The spec of a work, but for the revision and the decision, which come with a change."""
    metadata = service["metadata"]
    return {
        "hubID": hub_id,
        "target": {
            "namespace": metadata["namespace"],
            "name": metadata["name"] + cluster.target_name_suffix,
        },
        "template": its_template,
        "routing": its_routing,
        "deletionPolicy": DeletionPolicy.DELETE.value,
    }


def is_out(placed: SitePlacement) -> bool:
    """Whether the cluster must not have the service at all: it may not process its data, or it is
    drained and nothing is left to drain.

    A ceiling of 0 for any other reason, such as nodes that are away, takes nothing away.
    """
    if placed.ceiling > 0:
        return False
    return any(one.why in (Why.OUTSIDE_ZONES, Why.DRAINED) for one in placed.reasons)
