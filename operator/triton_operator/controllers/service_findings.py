"""The conditions of an InferenceService, each from a small check of its own."""

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.controllers.device_finding import device_finding
from triton_operator.controllers.model_resolution import Resolution
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.pod_problems import (
    PodProblem,
    looping_problem,
    pod_problem,
    starting_step,
)
from triton_operator.controllers.precision_finding import precision_running
from triton_operator.controllers.refusal_words import refusal
from triton_operator.controllers.rollout import Rollout
from triton_operator.controllers.scaling_findings import scaling_findings
from triton_operator.controllers.views import PodView
from triton_operator.planning.compute import instance_words
from triton_operator.planning.plan import Plan
from triton_operator.planning.refusal import Refusal
from triton_operator.planning.unhonored import unhonored_fields
from triton_operator.triton.releases import security_finding

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def service_findings(
    observed: Observed,
    spec: InferenceServiceSpec,
    resolution: Resolution,
    plan: Plan | Refusal | None,
    rollout: Rollout,
) -> list[Finding]:
    """Every condition, `Ready` first."""
    planned = _planned(plan)
    problem = _serving_problem(observed, rollout)
    available = _available(observed, plan, rollout, problem)
    progressing = _progressing(observed, spec, plan, rollout, problem)
    return [
        _ready(observed, resolution.finding, planned, available, progressing, rollout, problem),
        resolution.finding,
        planned,
        available,
        progressing,
        _spec_honored(observed, spec, plan),
        precision_running(spec, plan, rollout, observed.service),
        *scaling_findings(observed, spec, plan),
        _autoscaler_conflict(observed, spec, plan),
        _release_secure(plan),
        device_finding(observed, plan),
    ]


def _planned(plan: Plan | Refusal | None) -> Finding:
    if plan is None:
        return finding(
            reasons.PLANNED,
            UNKNOWN,
            reasons.WAITING_FOR_MODEL,
            "nothing can be planned before the model is known",
        )
    if isinstance(plan, Refusal):
        return finding(reasons.PLANNED, FALSE, plan.reason, plan.message)
    rows = "; ".join(
        f"pool {row.pool.name}: {row.precision}, max batch {row.max_batch_size}, "
        f"{instance_words(row.instances, row.threads)}"
        for row in plan.pools
    )
    return finding(reasons.PLANNED, TRUE, reasons.PLAN_MADE, rows)


def _available(
    observed: Observed,
    plan: Plan | Refusal | None,
    rollout: Rollout,
    problem: PodProblem | None,
) -> Finding:
    """Whether requests are answered: by as many replicas as wanted, or while the rest starts."""
    if observed.problem and not rollout.ready_replicas and not rollout.predecessors_ready:
        # Where something serves, a write that was refused does not end that.
        return finding(reasons.AVAILABLE, FALSE, observed.problem.reason, observed.problem.message)
    if not rollout.deployments and not isinstance(plan, Plan):
        return finding(
            reasons.AVAILABLE,
            UNKNOWN,
            reasons.WAITING_FOR_PLAN,
            "nothing can be started before there is a plan",
        )
    wanted, ready = rollout.wanted_replicas, rollout.ready_replicas
    if wanted == 0:
        return finding(reasons.AVAILABLE, TRUE, reasons.SCALED_TO_ZERO, "no replica is wanted")
    count = f"{ready} of {wanted} replicas are ready"
    if ready >= wanted:
        return finding(reasons.AVAILABLE, TRUE, reasons.REPLICAS_READY, count)
    if problem and not rollout.predecessors_ready and ready < rollout.least_replicas:
        return finding(reasons.AVAILABLE, FALSE, problem.reason, f"{count}; {problem.message}")
    if ready or rollout.predecessors_ready:
        serving = "the others are starting" if ready else "the previous plan serves meanwhile"
        return finding(reasons.AVAILABLE, TRUE, reasons.REPLICAS_STARTING, f"{count}; {serving}")
    step = _step(observed)
    return finding(
        reasons.AVAILABLE,
        FALSE,
        reasons.REPLICAS_NOT_READY,
        f"{count}; {step}" if step else count,
    )


def _progressing(
    observed: Observed,
    spec: InferenceServiceSpec,
    plan: Plan | Refusal | None,
    rollout: Rollout,
    problem: PodProblem | None,
) -> Finding:
    if spec.paused:
        return finding(
            reasons.PROGRESSING,
            FALSE,
            reasons.PAUSED,
            "spec.paused: nothing is changed"
            + ("" if rollout.complete else ", so the pods do not follow the spec as it is now"),
        )
    if observed.problem:
        return finding(
            reasons.PROGRESSING, FALSE, observed.problem.reason, observed.problem.message
        )
    if not isinstance(plan, Plan):
        return finding(
            reasons.PROGRESSING,
            UNKNOWN,
            reasons.WAITING_FOR_PLAN,
            "without a plan nothing is changed; what serves goes on",
        )
    if rollout.complete:
        return finding(
            reasons.PROGRESSING, FALSE, reasons.ROLLED_OUT, "every pod follows the current plan"
        )
    if rollout.stuck_message:
        return finding(
            reasons.PROGRESSING,
            FALSE,
            reasons.ROLLOUT_STUCK,
            problem.message if problem else rollout.stuck_message,
        )
    return finding(
        reasons.PROGRESSING,
        TRUE,
        reasons.ROLLING_OUT,
        problem.message
        if problem
        else (_step(observed) or "pods of the current plan are starting"),
    )


def _ready(
    observed: Observed,
    model: Finding,
    planned: Finding,
    available: Finding,
    progressing: Finding,
    rollout: Rollout,
    problem: PodProblem | None,
) -> Finding:
    """True when the current generation serves; the first of the others that is not says why."""
    if observed.problem:
        return finding(reasons.READY, FALSE, observed.problem.reason, observed.problem.message)
    for found in (model, planned, available):
        if found.status is not TRUE:
            return finding(reasons.READY, found.status, found.reason, found.message)
    looping = looping_problem(_serving_pods(observed), observed.now)
    if looping and progressing.reason == reasons.ROLLED_OUT:
        return finding(
            reasons.READY,
            FALSE,
            looping.reason,
            f"{available.message} now, but one crashes again and again; {looping.message}",
        )
    serving = available.reason if rollout.wanted_replicas == 0 else reasons.SERVING
    if rollout.resizing and rollout.ready_replicas >= rollout.least_replicas:
        # The autoscaler's replicas come and go; that the least of them serve is what was promised.
        leaving = rollout.ready_replicas > rollout.wanted_replicas
        more = "; replicas that are no longer wanted are ending" if leaving else ""
        return finding(reasons.READY, TRUE, serving, available.message + more)
    if problem and progressing.reason == reasons.ROLLING_OUT:
        return finding(
            reasons.READY,
            FALSE,
            problem.reason,
            f"what was ready before serves meanwhile; {problem.message}",
        )
    if progressing.reason in (reasons.ROLLING_OUT, reasons.ROLLOUT_STUCK):
        return finding(
            reasons.READY,
            FALSE if progressing.reason == reasons.ROLLOUT_STUCK else UNKNOWN,
            progressing.reason,
            _meanwhile(observed, rollout, progressing),
        )
    if progressing.reason == reasons.PAUSED and not rollout.complete:
        return finding(reasons.READY, UNKNOWN, reasons.PAUSED, progressing.message)
    return finding(reasons.READY, TRUE, serving, available.message)


def _meanwhile(observed: Observed, rollout: Rollout, progressing: Finding) -> str:
    """What serves during a rollout, and how far that is."""
    if not rollout.resizing:
        return f"the previous plan serves meanwhile; {progressing.message}"
    wanted, ready = rollout.wanted_replicas, rollout.ready_replicas
    serving = f"{ready} of {wanted} replicas serve; the others are starting"
    told = progressing.reason == reasons.ROLLOUT_STUCK or _step(observed)
    return f"{serving}; {progressing.message}" if told else serving


def _release_secure(plan: Plan | Refusal | None) -> Finding:
    """Whether the Triton that serves, or would, is known to be open to attack."""
    if not isinstance(plan, Plan):
        return finding(
            reasons.RELEASE_SECURE,
            UNKNOWN,
            reasons.WAITING_FOR_PLAN,
            "the plan says which Triton release runs",
        )
    for row in plan.pools:
        if problem := security_finding(row.release):
            return finding(
                reasons.RELEASE_SECURE,
                FALSE,
                reasons.KNOWN_HOLES,
                f"pool {row.pool.name}: {problem}",
            )
    return finding(
        reasons.RELEASE_SECURE,
        TRUE,
        reasons.NO_KNOWN_HOLES,
        "nothing is published against Triton "
        + " and ".join(sorted({str(row.release) for row in plan.pools})),
    )


def _spec_honored(
    observed: Observed, spec: InferenceServiceSpec, plan: Plan | Refusal | None
) -> Finding:
    sentences = unhonored_fields(
        spec,
        plan if isinstance(plan, Plan) else None,
        network_policies=observed.companions.policies is not None,
    )
    if sentences:
        return finding(
            reasons.SPEC_HONORED, FALSE, reasons.FIELDS_WITHOUT_EFFECT, "; ".join(sentences)
        )
    return finding(
        reasons.SPEC_HONORED, TRUE, reasons.ALL_FIELDS, "every field that is set has its effect"
    )


def _autoscaler_conflict(
    observed: Observed, spec: InferenceServiceSpec, plan: Plan | Refusal | None
) -> Finding:
    managed = isinstance(plan, Plan) and plan.replicas.managed
    if managed and observed.autoscalers:
        deployment, autoscaler = sorted(observed.autoscalers.items())[0]
        return finding(
            reasons.AUTOSCALER_CONFLICT,
            TRUE,
            reasons.SCALED_BY_OTHERS,
            f"HorizontalPodAutoscaler {autoscaler} scales Deployment {deployment}, so the operator "
            f"does not; delete it, or set spec.scaling.mode to External (now {spec.scaling.mode})",
        )
    return finding(
        reasons.AUTOSCALER_CONFLICT,
        FALSE,
        reasons.NO_CONFLICT,
        "nobody else scales the Deployments",
    )


def _serving_problem(observed: Observed, rollout: Rollout) -> PodProblem | None:
    """Why replicas are missing, or cannot be relied on."""
    for view in rollout.deployments.values():
        if view.refused_message:
            reason, said = refusal(view.refused_message, reasons.PODS_REFUSED)
            return PodProblem(reason, f"Deployment {view.name}: {said}")
    return pod_problem(_serving_pods(observed), observed.events, observed.now)


def _step(observed: Observed) -> str:
    return starting_step(_serving_pods(observed), observed.events, observed.now)


def _serving_pods(observed: Observed) -> list[PodView]:
    return [
        child for child in observed.children if isinstance(child, PodView) and child.role == "serve"
    ]
