"""`HubReachable`: what the way to a fleet's hub means for a service with `spec.offline`. Pure."""

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.enums import ConnectionState, OfflinePolicy
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.variants import Offline
from triton_operator.controllers.served_spec import lifted_maximum
from triton_operator.controllers.views import ServiceView
from triton_operator.fleet.link_state import LinkState
from triton_operator.planning.replicas import replica_bounds

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def hub_findings(spec: InferenceServiceSpec, service: ServiceView) -> list[Finding]:
    """None: no agent has said anything of the way, or the spec does not say what follows."""
    link, offline = service.link, spec.offline
    if link is None or offline is None:
        return []
    return [_finding(spec, service, link, offline)]


def _finding(
    spec: InferenceServiceSpec, service: ServiceView, link: LinkState, offline: Offline
) -> Finding:
    if not link.is_cut:
        told = f"the hub answers since {link.since}"
        return finding(reasons.HUB_REACHABLE, TRUE, reasons.HUB_ANSWERS, told)
    follows = "nothing changes"
    if offline.policy is OfflinePolicy.FALLBACK_VARIANT:
        follows = f"variant {offline.fallback_variant} is wanted"
    elif (most := lifted_maximum(spec, service)) is not None:
        bound = replica_bounds(spec.scaling).maximum
        follows = f"up to {most} replicas are allowed, instead of {bound}"
    told = f"the hub has not answered since {link.since}: {offline.policy}: {follows}"
    if link.state == ConnectionState.RECOVERING:
        told = f"the hub answers again, which is not trusted yet: {offline.policy}: {follows}"
        return finding(reasons.HUB_REACHABLE, UNKNOWN, reasons.HUB_ANSWERS_AGAIN, told)
    return finding(reasons.HUB_REACHABLE, FALSE, reasons.HUB_SILENT, told)
