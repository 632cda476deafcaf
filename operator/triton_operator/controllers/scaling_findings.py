"""The conditions about load and replicas, from what the autoscaler said last. Pure."""

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding, known_conditions
from triton_operator.api.enums import MetricsFreshness, ScalingMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.controllers.feasible_finding import feasible_finding
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.scaling_answer import ScalingAnswer
from triton_operator.planning.plan import Plan
from triton_operator.planning.refusal import Refusal

TYPES = (reasons.OBJECTIVE_FEASIBLE, reasons.METRICS_AVAILABLE, reasons.SCALING_LIMITED)
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
WAITING = "no ready replica has told its metrics yet"
NOTHING_GOES = (
    "no replica is removed meanwhile; see whether the operator reaches port 8002 of the pods, or "
    "its Prometheus"
)


def scaling_findings(
    observed: Observed, spec: InferenceServiceSpec, plan: Plan | Refusal | None
) -> list[Finding]:
    """ObjectiveFeasible, MetricsAvailable and ScalingLimited."""
    answer = observed.scaling
    if answer is None and (told := _told_last(observed)):
        return told
    return [feasible_finding(answer, spec, plan), _metrics(answer), _limited(answer, spec, plan)]


def _told_last(observed: Observed) -> list[Finding]:
    """What was said by the process before this one, until this one has looked for itself."""
    known = {row.type: row for row in known_conditions(observed.service.status)}
    if not known.keys() >= set(TYPES) or not observed.service.status.get("autoscaling"):
        return []
    return [
        finding(type_, known[type_].status, known[type_].reason, known[type_].message)
        for type_ in TYPES
    ]


def _metrics(answer: ScalingAnswer | None) -> Finding:
    if answer is None or (answer.ready == 0 and answer.freshness is not MetricsFreshness.FRESH):
        return finding(reasons.METRICS_AVAILABLE, UNKNOWN, reasons.NOT_OBSERVED, WAITING)
    if answer.freshness is MetricsFreshness.LOST:
        return finding(
            reasons.METRICS_AVAILABLE,
            FALSE,
            reasons.METRICS_LOST,
            f"no replica has told its metrics for a minute; {NOTHING_GOES}",
        )
    if answer.freshness is MetricsFreshness.STALE:
        return finding(
            reasons.METRICS_AVAILABLE,
            FALSE,
            reasons.METRICS_STALE,
            f"no replica has told its metrics for some seconds; {NOTHING_GOES}",
        )
    return finding(
        reasons.METRICS_AVAILABLE,
        TRUE,
        reasons.METRICS_FRESH,
        f"latency from {answer.latency_source.value}",
    )


def _limited(
    answer: ScalingAnswer | None, spec: InferenceServiceSpec, plan: Plan | Refusal | None
) -> Finding:
    if isinstance(plan, Plan) and not plan.replicas.moves:
        return finding(
            reasons.SCALING_LIMITED,
            FALSE,
            reasons.NOT_SCALED,
            "replicas are somebody else's (External)"
            if spec.scaling.mode is ScalingMode.EXTERNAL
            else "the number of replicas is fixed by spec.scaling",
        )
    if answer and reasons.UNSCHEDULABLE in answer.limits:
        # The scheduler says so, whether metrics come or not.
        return finding(
            reasons.SCALING_LIMITED,
            TRUE,
            reasons.UNSCHEDULABLE,
            f"{answer.limits[reasons.UNSCHEDULABLE]}; add nodes to the pool, or another pool to "
            "spec.hardware.pools",
        )
    if answer is None or answer.figures.rate is None:
        return finding(reasons.SCALING_LIMITED, UNKNOWN, reasons.NOT_OBSERVED, WAITING)
    if reasons.AT_MAXIMUM in answer.limits:
        return finding(
            reasons.SCALING_LIMITED, TRUE, reasons.AT_MAXIMUM, answer.limits[reasons.AT_MAXIMUM]
        )
    return finding(
        reasons.SCALING_LIMITED,
        FALSE,
        reasons.WITHIN_BOUNDS,
        "as many replicas as needed are ordered",
    )
