"""What is known of each variant of a service: its model, whether it can be served, how fast it
would be at the load of now. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from triton_operator.api.enums import MetricsFreshness
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.model_source import Model
from triton_operator.api.reasons import UNSCHEDULABLE
from triton_operator.api.status import CountedDrift
from triton_operator.api.tensors import Tensor
from triton_operator.api.variants import PRIMARY
from triton_operator.controllers.model_resolution import Resolution, resolve_model
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.resolved_plan import resolved_plan
from triton_operator.controllers.side_jobs import has_ended
from triton_operator.controllers.views import JobView, ObjectView
from triton_operator.manifests import names
from triton_operator.manifests.children import children_of_fetching
from triton_operator.manifests.owner import Owner
from triton_operator.planning.measured_replica import Measured
from triton_operator.planning.objective import SHARES, latency_percentile
from triton_operator.planning.plan import Plan
from triton_operator.planning.predicted_latency import predicted_seconds
from triton_operator.planning.refusal import Refusal
from triton_operator.planning.replicas import replica_bounds

FRESH = frozenset({MetricsFreshness.FRESH, MetricsFreshness.PARTIAL})


@dataclass(frozen=True)
class Known:
    """`accuracy`: as the spec has it. `problem`: why it cannot be served; empty: it can."""

    name: str
    model: Model
    accuracy: str | None
    resolution: Resolution
    plan: Plan | None
    problem: str = ""


def every_variant(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    served: InferenceServiceSpec,
    resolution: Resolution,
    plan: Plan | Refusal | None,
    counted: Sequence[CountedDrift],
) -> list[Known]:
    """`spec.model` first, then `spec.variants` in their order; none where there are no variants.

    `resolution` and `plan` are those of the variant that is served, whose spec is `served`.
    """
    if not spec.variants:
        return []
    policy = spec.variant_policy
    rows = [(PRIMARY, spec.model, policy.primary_accuracy if policy else None)]
    rows += [(row.name, row.model, row.accuracy) for row in spec.variants]
    found: list[Known] = []
    resolved = _in_turn(
        observed,
        resolution,
        [
            resolution if model == served.model else _resolved(observed, owner, served, model)
            for _, model, _ in rows
        ],
    )
    for (name, model, accuracy), its in zip(rows, resolved, strict=True):
        its_spec = served.model_copy(update={"model": model})
        planned = plan if model == served.model else resolved_plan(observed, its_spec, its, counted)
        primary = found[0].resolution.facts if found else None
        problem = _problem(owner, its, planned, primary)
        made = planned if isinstance(planned, Plan) else None
        found.append(Known(name, model, accuracy, its, made, problem))
    return found


def found_out(
    observed: Observed,
    owner: Owner,
    variants: list[Known],
    served: Model,
    wanted: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """`wanted` with what finds out about the models that are not served."""
    more = {_place(one): one for one in _objects(observed, owner, variants, served)}
    there = {_place(one) for one in wanted}
    return [*wanted, *(one for place, one in more.items() if place not in there)]


def _place(manifest: dict[str, Any]) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _objects(
    observed: Observed, owner: Owner, variants: list[Known], served: Model
) -> Iterator[dict[str, Any]]:
    """Jobs, what they need, profiles."""
    for one in variants:
        if one.model == served:
            continue
        if one.resolution.profile:
            yield one.resolution.profile
        if one.resolution.job:
            yield from children_of_fetching(owner, one.model, observed.fetch)
            yield one.resolution.job


def replicas_at_most(observed: Observed, served: InferenceServiceSpec, ready: int) -> int:
    """Replicas that share the load once the autoscaler has done what it can; `ready` are there."""
    bounds, answer = replica_bounds(served.scaling), observed.scaling
    moves = bounds.moves and not observed.autoscalers and answer is not None and answer.scales
    if not moves or (answer is not None and UNSCHEDULABLE in answer.limits):
        return max(1, ready)
    return max(bounds.maximum, ready)


def rate_of(observed: Observed) -> float | None:
    """Requests/s of the service; None: not known now, which is not 0."""
    answer = observed.scaling
    return answer.figures.rate if answer is not None and answer.freshness in FRESH else None


def measured_of(plan: Plan | None) -> Measured | None:
    """What measurements say of a replica in the first pool of a plan."""
    return plan.measured.get(plan.pools[0].pool.name) if plan else None


def predicted(
    served: InferenceServiceSpec, plan: Plan | None, rate: float | None, replicas: int
) -> float | None:
    """Seconds that the objective's percentile takes at `rate` requests/s over that many replicas,
    by the queue model; infinite: the queue only grows. None: not known."""
    measured = measured_of(plan)
    if measured is None or rate is None:
        return None
    each = rate / replicas
    if each >= measured.most_rate:
        return math.inf
    seconds = predicted_seconds(measured.curve, each, SHARES[latency_percentile(served)])
    return math.inf if seconds is None else seconds


def _resolved(
    observed: Observed, owner: Owner, served: InferenceServiceSpec, model: Model
) -> Resolution:
    service = observed.service
    # What is said of the model that is served is not said of this one.
    status = {name: part for name, part in service.status.items() if name != "conditions"}
    alone = replace(observed, service=replace(service, status=status))
    return resolve_model(alone, owner, model, served.runtime, paused=served.paused)


def _in_turn(
    observed: Observed, first: Resolution, resolutions: list[Resolution]
) -> list[Resolution]:
    """With one Job that begins at most, and none beside another: each takes a replica's room."""
    jobs = [one.job for one in resolutions if one.job]
    ended = {child.name for child in observed.children if _has_ended(child)}
    begun = any(
        (job is first.job or _is_there(observed, job)) and job["metadata"]["name"] not in ended
        for job in jobs
    )
    found = []
    for one in resolutions:
        if one is not first and one.job and not _is_there(observed, one.job):
            one = replace(one, job=None) if begun else one
            begun = True
        found.append(one)
    return found


def _is_there(observed: Observed, job: Mapping[str, Any]) -> bool:
    name = job["metadata"]["name"]
    return any(isinstance(child, JobView) and child.name == name for child in observed.children)


def _has_ended(child: ObjectView) -> bool:
    """Of a Job that failed it is kept until its next try: it takes nobody's turn."""
    return isinstance(child, JobView) and has_ended(child)


def _problem(
    owner: Owner,
    resolution: Resolution,
    plan: Plan | Refusal | None,
    primary: ModelFacts | None,
) -> str:
    if resolution.facts is None:
        return f"{resolution.finding.reason}: {resolution.finding.message}"
    if isinstance(plan, Refusal):
        return f"{plan.reason}: {plan.message}"
    if primary is not None and (why := _differs(owner, resolution.facts, primary)):
        return f"DiffersFromPrimary: {why}"
    return ""


def _differs(owner: Owner, facts: ModelFacts, primary: ModelFacts) -> str:
    """What clients would notice of the change, beside answers that are better or worse."""
    called = names.triton_model(owner.name, facts), names.triton_model(owner.name, primary)
    if called[0] != called[1]:
        return f"requests would have to call it {called[0]}, and spec.model {called[1]}"
    for side, its, others in (
        ("inputs", facts.inputs, primary.inputs),
        ("outputs", facts.outputs, primary.outputs),
    ):
        if _shown(its) != _shown(others):
            return f"its {side} are {_words(its)}, those of spec.model {_words(others)}"
    return ""


def _shown(tensors: list[Tensor]) -> set[tuple[str, str, int]]:
    return {(one.name, one.datatype, len(one.shape)) for one in tensors}


def _words(tensors: list[Tensor]) -> str:
    return ", ".join(f"{one.name} {one.datatype} {one.shape}" for one in tensors) or "none"
