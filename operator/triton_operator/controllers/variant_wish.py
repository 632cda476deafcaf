"""Which variant is to be served: what is seen of a service goes into the choice, and what comes out
becomes status, condition and event. The next reconcile rolls it out, as an edit of the spec. Pure.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding, shortened
from triton_operator.api.enums import OfflinePolicy, Percentile, VariantMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.variant_status import VariantKnown, VariantServed
from triton_operator.api.variants import VariantPolicy
from triton_operator.autoscaling.attainment import WINDOW_SECONDS as ATTAINMENT_SECONDS
from triton_operator.autoscaling.variant_choice import (
    WINDOW_SECONDS,
    Candidate,
    Choice,
    ChoiceMemory,
    ChoiceSettings,
    Look,
    choose,
)
from triton_operator.autoscaling.variant_reasons import VariantWhy
from triton_operator.controllers.observed import EventDraft, Observed
from triton_operator.controllers.rollout import Rollout
from triton_operator.controllers.served_spec import silent_seconds
from triton_operator.controllers.times import sooner
from triton_operator.controllers.variant_candidates import (
    Known,
    measured_of,
    predicted,
    rate_of,
    replicas_at_most,
)
from triton_operator.controllers.variant_memory import (
    memory_of,
    served_of,
    variant_served,
)
from triton_operator.planning.objective import (
    SHARES,
    latency_bound_milliseconds,
    latency_percentile,
)
from triton_operator.planning.replicas import replica_bounds

TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE
HELD = frozenset({VariantWhy.NONE_FITS, VariantWhy.CANNOT_BE_SERVED})
"""Why another one is not served that should be: somebody should look."""


@dataclass(frozen=True)
class VariantWish:
    """`status` is the part of the service's status that is about variants. All is empty where there
    are none."""

    status: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    events: tuple[EventDraft, ...] = ()
    requeue_after_seconds: float | None = None


def variant_wish(
    observed: Observed,
    spec: InferenceServiceSpec,
    served: InferenceServiceSpec,
    variants: list[Known],
    rollout: Rollout,
) -> VariantWish:
    """The wish; `served` is the spec as it is carried out now."""
    if not variants:
        return VariantWish()
    before = memory_of(observed.service.status)
    settings = _settings(spec)
    rate = rate_of(observed)
    replicas = replicas_at_most(observed, served, rollout.ready_replicas)
    seconds = {one.name: predicted(served, one.plan, rate, replicas) for one in variants}
    look = Look(
        now=observed.now,
        candidates=tuple(_candidate(one, seconds[one.name]) for one in variants),
        rolling=not (rollout.complete or rollout.resizing),
        late=_is_late(observed, served, before, seconds, rollout.ready_replicas < replicas),
        silent_seconds=silent_seconds(observed.service, observed.now),
    )
    choice = choose(settings, look, before)
    if spec.paused and before is not None:
        choice = Choice(before)
    switched = before is not None and choice.memory.name != before.name
    rows = {one.name: one for one in variants}
    chosen = _served(observed, served, choice, rows[choice.memory.name], rate, switched)
    status = {
        "variant": chosen.wire(),
        "variants": [_row(one, seconds[one.name]) for one in variants],
    }
    due = WINDOW_SECONDS if settings.by_objective else None
    for one in variants:
        if one.resolution.profile is not None:
            # Found out just now. The status remembers the digest, of a model that cannot be served
            # too; nothing else looks again, and its Job must go.
            due = 0.0
        elif one.model != served.model:
            due = sooner(due, one.resolution.requeue_after_seconds)
    return VariantWish(
        status,
        (_finding(choice, chosen.message),),
        _events(before, choice) if switched else (),
        # Its own status wakes nobody, and what was chosen is still to be rolled out.
        0.0 if switched else due,
    )


def _settings(spec: InferenceServiceSpec) -> ChoiceSettings:
    policy, offline = spec.variant_policy or VariantPolicy(), spec.offline
    falls_back = offline is not None and offline.policy is OfflinePolicy.FALLBACK_VARIANT
    return ChoiceSettings(
        objective_seconds=latency_bound_milliseconds(spec) / 1000,
        by_objective=policy.mode is VariantMode.SLO,
        dwell_seconds=policy.dwell_seconds,
        fallback=offline.fallback_variant if offline and falls_back else None,
    )


def _candidate(one: Known, seconds: float | None) -> Candidate:
    accuracy = math.inf if one.accuracy is None else float(one.accuracy)
    return Candidate(one.name, accuracy, seconds, able=not one.problem)


def _is_late(
    observed: Observed,
    served: InferenceServiceSpec,
    before: ChoiceMemory | None,
    seconds: dict[str, float | None],
    can_grow: bool,
) -> bool | None:
    """Whether what serves misses the objective, and more replicas will not help.

    What was measured counts before what is predicted. That the objective is missed while replicas
    are still to come says nothing: then the prediction is for all of them.
    """
    if before is None:
        return None
    late = _seen_late(observed, served, before)
    if late is False or (late and not can_grow):
        return late
    expected = seconds.get(before.name)
    if expected is None:
        return None
    return expected > latency_bound_milliseconds(served) / 1000


def _seen_late(
    observed: Observed, served: InferenceServiceSpec, before: ChoiceMemory
) -> bool | None:
    """By latencies that were measured since the variant serves alone; None: there are none yet."""
    answer = observed.scaling
    since = before.serving_since
    if answer is None or rate_of(observed) is None or since is None:
        return None
    if observed.now - since < ATTAINMENT_SECONDS:
        return None
    percentile = latency_percentile(served)
    measured, kept = answer.figures.p99_seconds, answer.figures.attainment
    if kept is not None:
        promised = min(SHARES[percentile], served.objective.min_attainment_percent / 100)
        return kept < promised
    if measured is not None and percentile is Percentile.P99:
        return measured > latency_bound_milliseconds(served) / 1000
    return None


def _served(
    observed: Observed,
    served: InferenceServiceSpec,
    choice: Choice,
    row: Known,
    rate: float | None,
    switched: bool,
) -> VariantServed:
    previous = variant_served(observed.service.status)
    message = choice.why.sentence if choice.why else (previous.message if previous else "")
    replicas = previous.start_replicas if previous else None
    if switched:
        replicas = _needed(served, row, rate)
    return served_of(choice.memory, message, row.accuracy, replicas)


def _needed(served: InferenceServiceSpec, row: Known, rate: float | None) -> int | None:
    """Replicas that keep the objective at this rate; None: not known."""
    measured, bounds = measured_of(row.plan), replica_bounds(served.scaling)
    if measured is None or rate is None or not measured.keeps:
        return None
    return max(1, min(bounds.maximum, math.ceil(rate / measured.safe_rate)))


def _row(one: Known, seconds: float | None) -> dict[str, Any]:
    shown = seconds is not None and math.isfinite(seconds)
    return VariantKnown(
        name=one.name,
        uri=one.model.uri,
        format=one.model.format,
        digest=one.resolution.digest,
        predicted_milliseconds=round(1000 * seconds) if seconds is not None and shown else None,
        problem=shortened(one.problem) if one.problem else None,
    ).wire()


def _finding(choice: Choice, message: str) -> Finding:
    name, holding = choice.memory.name, choice.holding
    if holding is not None and holding.why in HELD:
        told = f"{name} is served: {holding.sentence}"
        return finding(reasons.VARIANT_CHOSEN, FALSE, holding.why.value, told)
    told = f"{name} is served: {message}"
    return finding(reasons.VARIANT_CHOSEN, TRUE, choice.memory.reason.value, told)


def _events(before: ChoiceMemory | None, choice: Choice) -> tuple[EventDraft, ...]:
    if before is None or choice.why is None:
        return ()
    told = f"{before.name} to {choice.memory.name}: {choice.why.sentence}"
    reason = choice.memory.reason.value
    return (EventDraft(type="Normal", reason=reason, action="ChooseVariant", message=told),)
