"""The spec that is carried out: with the model of the variant that is served, and, while the hub
does not answer, the bounds that hold then. Pure.

All that follows (resolution, plan, rollout) is that of an edit of `spec.model`: pods of the new
model are ready before those of the old one go.
"""

from typing import Any

from triton_operator.api.enums import OfflinePolicy, ScalingMode
from triton_operator.api.inference_service import InferenceServiceSpec, Scaling
from triton_operator.controllers.candidate_digests import served_variant
from triton_operator.controllers.times import epoch_seconds
from triton_operator.controllers.variant_memory import start_replicas
from triton_operator.controllers.views import ServiceView
from triton_operator.planning.replicas import replica_bounds


def served_spec(spec: InferenceServiceSpec, service: ServiceView) -> InferenceServiceSpec:
    """`spec` as it is carried out, by the variant in the status and the link's state."""
    changes: dict[str, Any] = {}
    served = served_variant(service.spec, service.status)
    for variant in spec.variants or ():
        if served is not None and variant.name == served.get("name"):
            changes["model"] = variant.model
    scaling = spec.scaling
    if (most := lifted_maximum(spec, service)) is not None:
        scaling = scaling.model_copy(update={"max_replicas": most})
    if spec.variants and (least := start_replicas(service.status)):
        scaling = _with_least(scaling, least)
    if scaling is not spec.scaling:
        changes["scaling"] = scaling
    return spec.model_copy(update=changes) if changes else spec


def silent_seconds(service: ServiceView, now: float) -> float | None:
    """How long the hub has not answered; None: it does, or nobody has said."""
    if service.link is None or not service.link.is_cut:
        return None
    try:
        return max(0.0, now - epoch_seconds(service.link.since))
    except (ValueError, OverflowError):
        # Whoever writes the state by hand may leave out the time.
        return 0.0


def lifted_maximum(spec: InferenceServiceSpec, service: ServiceView) -> int | None:
    """The most replicas while the link is cut, where `spec.offline` allows more than the hub; None:
    as `spec.scaling` says. Only the operator's own numbers move within bounds."""
    offline, bounds = spec.offline, replica_bounds(spec.scaling)
    if offline is None or offline.policy is not OfflinePolicy.LOCAL_MAX:
        return None
    if service.link is None or not service.link.is_cut:
        return None
    if spec.scaling.mode is not ScalingMode.AUTO or bounds.minimum == 0:
        return None
    most = offline.max_replicas
    return most if most is not None and most > bounds.maximum else None


def _with_least(scaling: Scaling, least: int) -> Scaling:
    """With as many replicas as the load needs of the variant that is coming, so that it does not
    begin with too few; within the bounds."""
    bounds = replica_bounds(scaling)
    if not bounds.moves:
        return scaling
    return scaling.model_copy(
        update={"min_replicas": max(bounds.minimum, min(least, bounds.maximum - 1))}
    )
