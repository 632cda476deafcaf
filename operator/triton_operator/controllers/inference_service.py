"""The reconcile of an InferenceService: facts in, what is wanted out. Pure and level-triggered.

Two rules shape it. A bad change never takes down what serves: without a plan for the new spec, the
children of the old one stay as they are. And nothing that serves is removed before its successor
is ready.
"""

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from triton_operator.api import reasons
from triton_operator.api.conditions import (
    ConditionStatus,
    Finding,
    known_conditions,
    merge_conditions,
)
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.controllers.beside import found_beside
from triton_operator.controllers.copies_on_their_way import without_copies_on_their_way
from triton_operator.controllers.counted_drift import counted_anew, counted_drifts
from triton_operator.controllers.device_finding import device_questions
from triton_operator.controllers.hub_finding import hub_findings
from triton_operator.controllers.kept_fetch_image import with_kept_fetch_image
from triton_operator.controllers.kept_memory import with_kept_memory
from triton_operator.controllers.kinds import (
    BACKEND_TLS,
    CHILDREN,
    JOB,
    NETWORK_POLICY,
    OPTIONAL,
)
from triton_operator.controllers.model_resolution import resolve_model
from triton_operator.controllers.observed import Observed, Outcome
from triton_operator.controllers.resolved_plan import resolved_plan
from triton_operator.controllers.rollout import observe_rollout, wanted_replicas
from triton_operator.controllers.scaling_events import scaling_events
from triton_operator.controllers.scaling_status import alone_pool
from triton_operator.controllers.scaling_wish import scaling_question
from triton_operator.controllers.served_spec import served_spec
from triton_operator.controllers.service_findings import service_findings
from triton_operator.controllers.service_status import service_status
from triton_operator.controllers.silence import next_look_seconds
from triton_operator.controllers.spec_problem import spec_problem
from triton_operator.controllers.surge import with_rollout_ways
from triton_operator.controllers.times import rfc3339, sooner
from triton_operator.controllers.traffic_wish import (
    is_labelled,
    next_traffic_seconds,
    traffic_changes,
)
from triton_operator.controllers.transition_events import transition_events
from triton_operator.controllers.unmade_copies import with_unmade_refused
from triton_operator.controllers.variant_candidates import every_variant, found_out
from triton_operator.controllers.variant_measuring import variants_measured
from triton_operator.controllers.variant_wish import variant_wish
from triton_operator.controllers.views import DeploymentView, ObjectView
from triton_operator.controllers.ways_in import ways_in
from triton_operator.manifests import names
from triton_operator.manifests.children import children_of_fetching, desired_children
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.owner import Owner
from triton_operator.planning.plan import Plan
from triton_operator.planning.refusal import Refusal
from triton_operator.planning.replicas import replica_bounds

CHILD_KINDS = frozenset(kind.kind for kind in CHILDREN)
WITHOUT_SUCCESSOR = frozenset({NETWORK_POLICY.kind, *(kind.kind for kind in OPTIONAL)})
"""Kinds of which no object is replaced by another: where it is not wanted, nothing comes in its
place."""


def reconcile(observed: Observed) -> Outcome:
    """What is wanted for one InferenceService, given everything that is known about it."""
    try:
        spec = InferenceServiceSpec.model_validate(observed.service.spec)
    except ValidationError as error:
        return _with_traffic(_invalid(observed, error), observed, scaled=False)
    observed = without_copies_on_their_way(with_unmade_refused(observed))
    served = served_spec(spec, observed.service)
    scaled = replica_bounds(served.scaling).moves and not spec.paused
    return _with_traffic(_valid(observed, spec, served), observed, scaled=scaled)


def _valid(observed: Observed, asked: InferenceServiceSpec, spec: InferenceServiceSpec) -> Outcome:
    """`asked` is the spec as it is written, `spec` as it is carried out (see `served_spec`)."""
    service = observed.service
    owner = Owner(service.name, service.namespace, service.uid)
    resolution = resolve_model(observed, owner, spec.model, spec.runtime, paused=spec.paused)
    counted = counted_drifts(observed, resolution.digest)
    in_use = _pools_in_use(observed)
    plan = resolved_plan(observed, spec, resolution, counted, in_use)
    children: list[dict[str, Any]] = []
    if isinstance(plan, Plan) and (digest := resolution.digest) and (facts := resolution.facts):
        present = {
            child.name: child for child in observed.children if isinstance(child, DeploymentView)
        }

        def build(plan: Plan) -> list[dict[str, Any]]:
            made = desired_children(
                owner,
                spec,
                digest,
                facts,
                plan,
                observed.fetch,
                observed.autoscalers,
                observed.companions,
                alone_pool(observed.scaling, observed.service.status),
                is_labelled(observed.children),
            )
            return [with_desired_hash(with_kept_fetch_image(one, present)) for one in made]

        def made(plan: Plan) -> tuple[Plan, list[dict[str, Any]]]:
            return with_kept_memory(
                observed, plan, lambda one: with_rollout_ways(observed, one, build)
            )

        plan, children = made(plan)
        anew = None if spec.paused else counted_anew(observed, plan, children, counted)
        if anew is not None:
            again = resolved_plan(observed, spec, resolution, anew, in_use)
            if isinstance(again, Plan):
                counted = anew
                plan, children = made(again)
    wanted = [resolution.profile] if resolution.profile else []
    if resolution.job or children:
        wanted += children_of_fetching(owner, spec.model, observed.fetch, spec.precision.store)
    wanted += [resolution.job] if resolution.job else []
    variants = every_variant(observed, owner, asked, spec, resolution, plan, counted)
    wanted = found_out(observed, owner, variants, spec.model, wanted)
    wanted = [*(with_desired_hash(manifest) for manifest in wanted), *children]
    rollout = observe_rollout(observed, plan, wanted)
    ways = ways_in(observed, owner, spec, resolution.facts)
    found = variants_measured(
        found_beside(observed, owner, spec, resolution, plan, rollout),
        observed,
        owner,
        spec,
        variants,
        rollout,
    )
    named = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in wanted}
    beside = [
        with_desired_hash(manifest)
        for manifest in found.objects
        # Where batches are as large as planned, the pods that serve have the same config.
        if (manifest["kind"], manifest["metadata"]["name"]) not in named
    ]
    first = [with_desired_hash(manifest) for manifest in found.first]
    findings = found.told_in(service_findings(observed, spec, resolution, plan, rollout))
    findings += [ways.finding] if ways.finding else []
    wish = variant_wish(observed, asked, spec, variants, rollout)
    status = service_status(observed, owner, spec, resolution, plan, rollout, counted)
    told = _with_status(
        observed,
        status | wish.status,
        [*findings, *hub_findings(asked, service), *wish.findings],
    )
    outcome = replace(
        told,
        events=(*told.events, *wish.events),
        requeue_after_seconds=next_look_seconds(observed),
        device_questions=device_questions(observed, resolution.facts, plan),
        scaling_question=scaling_question(
            observed,
            spec,
            resolution.facts,
            plan,
            rolled_out=rollout.complete or rollout.resizing,
        ),
    )
    if spec.paused:
        return outcome
    return replace(
        outcome,
        apply=(*first, *wanted),
        measuring=tuple(beside),
        ways=tuple(with_desired_hash(manifest) for manifest in ways.objects),
        replicas=_replicas(observed, spec, plan),
        removable=observed.scaling.removable if observed.scaling else {},
        delete=_orphans(
            observed,
            [*wanted, *beside, *ways.objects],
            ways.kept,
            planned=bool(children),
            replaced=bool(children) and rollout.complete,
        ),
        requeue_after_seconds=sooner(
            sooner(found.requeue_after_seconds, wish.requeue_after_seconds),
            sooner(resolution.requeue_after_seconds, outcome.requeue_after_seconds),
        ),
    )


def _pools_in_use(observed: Observed) -> set[str]:
    """Pools that hold replicas of the service, and those that are to get some."""
    holding = {
        child.pool
        for child in observed.children
        if isinstance(child, DeploymentView)
        and not child.deleting
        and (child.replicas or child.existing)
    }
    answer = observed.scaling
    if answer is None or not answer.scales:
        return holding
    wanted = {name for name, count in answer.replicas.items() if count}
    return holding | {
        pool.name
        for pool in observed.pools
        if names.pool_child(observed.service.name, pool.name) in wanted
    }


def _replicas(
    observed: Observed, spec: InferenceServiceSpec, plan: Plan | Refusal | None
) -> dict[str, int]:
    """Replicas by Deployment; none where they are somebody else's."""
    if not isinstance(plan, Plan):
        # What serves goes on, and follows its load within the bounds of the last plan.
        answer = observed.scaling
        follows = answer is not None and answer.scales and replica_bounds(spec.scaling).moves
        wanted = answer.replicas if answer and follows else {}
    else:
        wanted = wanted_replicas(observed, plan) if plan.replicas.managed else {}
    return {name: count for name, count in wanted.items() if name not in observed.autoscalers}


def _orphans(
    observed: Observed,
    wanted: list[dict[str, Any]],
    kept: set[tuple[str, str]],
    *,
    planned: bool,
    replaced: bool,
) -> tuple[ObjectView, ...]:
    """Children that nobody wants any more, once what replaces them serves. Policies come last: a
    route without that of its backend would send plain requests there."""
    names_wanted = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in wanted} | kept
    found = [
        child
        for child in observed.children
        if child.kind in CHILD_KINDS
        and not child.deleting
        and (child.kind, child.name) not in names_wanted
        and (child.kind == JOB.kind or replaced or (planned and child.kind in WITHOUT_SUCCESSOR))
    ]
    return tuple(sorted(found, key=lambda child: child.kind == BACKEND_TLS.kind))


def _with_traffic(outcome: Outcome, observed: Observed, *, scaled: bool) -> Outcome:
    """With what pods are to get new requests: of a paused service, and without a plan, too."""
    # Without a plan nobody begins to look at the load; who was looked at before still is.
    looked_at = outcome.scaling_question is not None or observed.scaling is not None
    changes = traffic_changes(observed, scaled=scaled and looked_at)
    return replace(
        outcome,
        traffic=changes,
        requeue_after_seconds=sooner(
            outcome.requeue_after_seconds, next_traffic_seconds(observed, changes)
        ),
    )


def _with_status(observed: Observed, status: dict[str, Any], findings: list[Finding]) -> Outcome:
    before = known_conditions(observed.service.status)
    after = merge_conditions(findings, before, observed.service.generation, rfc3339(observed.now))
    status["conditions"] = [condition.wire() for condition in after]
    events = transition_events(before, after)
    return Outcome(status=status, events=(*scaling_events(observed, status), *events))


def _invalid(observed: Observed, error: ValidationError) -> Outcome:
    """The API server lets this pass only for an object older than the rule that it breaks."""
    message = f"{spec_problem(error)}; correct the field"
    findings = [
        Finding(
            type=condition,
            status=ConditionStatus.FALSE,
            reason=reasons.INVALID_SPEC,
            message=message,
        )
        for condition in (reasons.READY, reasons.PLANNED)
    ]
    changed = {finding.type for finding in findings}
    findings += [
        Finding(
            type=condition.type,
            status=condition.status,
            reason=condition.reason,
            message=condition.message,
        )
        for condition in known_conditions(observed.service.status)
        if condition.type in reasons.CONDITION_TYPES - changed
    ]
    status = {**observed.service.status, "observedGeneration": observed.service.generation}
    return _with_status(observed, status, findings)
