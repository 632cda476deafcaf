"""One look at a service: what its pods told becomes an observation, and that a decision. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from triton_operator.autoscaling.aside import aside_after
from triton_operator.autoscaling.attainment import Attainment, with_look
from triton_operator.autoscaling.curve_drift import DriftMemory, with_batches
from triton_operator.autoscaling.curve_memory import (
    BatchReading,
    CurveMemory,
    curve,
    new_batches,
    with_metrics,
    with_reading,
)
from triton_operator.autoscaling.decision import Decision, decide
from triton_operator.autoscaling.decision_record import DecisionRecord
from triton_operator.autoscaling.failures import Failures, with_ended
from triton_operator.autoscaling.fleet import Fleet
from triton_operator.autoscaling.lead_memory import LeadMemory, lead_seconds, with_start
from triton_operator.autoscaling.look import FRESH_SECONDS, Look, look
from triton_operator.autoscaling.observation import Observation
from triton_operator.autoscaling.pool_room import PoolState
from triton_operator.autoscaling.pooled_decision import PooledState, decide_for_pools
from triton_operator.autoscaling.proven_rate import ProvenRate, with_answers
from triton_operator.autoscaling.reasons import BOUNDS, HOLDING, Reason, Why
from triton_operator.autoscaling.request_rows import RequestRows, with_rows
from triton_operator.autoscaling.samples import NONE_YET, Samples, Seen, with_samples
from triton_operator.autoscaling.scaling_question import PoolQuestion, ScalingQuestion
from triton_operator.autoscaling.spill import Distribution, receiving
from triton_operator.autoscaling.spill_reasons import PoolReason
from triton_operator.planning.service_curve import ServiceCurve, rounded

FRESH_TICKS = 3.0
LONGEST_GAP_SECONDS = 60.0
ALIKE = 0.05
"""A mean of rows that is a whole number but for so much comes of requests of one size."""
SAME_CURVE = 0.03
"""A curve that moved by less stays as it was: solving its queue anew takes up to a second."""


@dataclass(frozen=True)
class PoolMemory:
    """What is remembered of a pool: how fast its replicas are, and how long they take to start.

    `used` is the curve by requests that decisions are made with, and `proven` the rate that its
    replicas were seen to answer.
    """

    curve: CurveMemory = field(default_factory=CurveMemory)
    lead: LeadMemory = field(default_factory=LeadMemory)
    used: ServiceCurve | None = None
    drift: DriftMemory = field(default_factory=DriftMemory)
    proven: ProvenRate = field(default_factory=ProvenRate)


@dataclass(frozen=True)
class ServiceMemory:
    """What is remembered of a service from one look to the next; a value."""

    state: PooledState = field(default_factory=PooledState)
    seen: Seen | None = None
    pools: Mapping[str, PoolMemory] = field(default_factory=dict)
    attainment: Attainment = field(default_factory=Attainment)
    failures: Failures = field(default_factory=Failures)
    rows: RequestRows = field(default_factory=RequestRows)


@dataclass(frozen=True)
class Judgement:
    """What was seen and decided.

    `ordered` replicas are wanted so far, over all pools; `replicas` are those that are wanted from
    now on, by Deployment. Only pods of the pool `alone` are to get requests; None: all are. Pods
    that are `aside` are to get no new ones from now on; None: leave them as they are, as nothing is
    known.
    `safe_rates` are by pool, in requests/s. `record` is for the log of decisions.
    """

    look: Look
    record: DecisionRecord
    ordered: int
    ready: int
    replicas: Mapping[str, int]
    reasons: tuple[Reason | PoolReason, ...]
    safe_rates: Mapping[str, float]
    alone: str | None = None
    aside: frozenset[str] | None = None


@dataclass(frozen=True)
class Told:
    """What was asked of a service's pods for one look.

    `readings` are of batch statistics, by pool. From `unreadable` pools none is to be had: there
    the metrics tell the curve, less exactly.
    """

    samples: Samples
    readings: Mapping[str, BatchReading] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()


def judge(
    memory: ServiceMemory,
    question: ScalingQuestion,
    fleets: Mapping[str, Fleet],
    told: Told,
    now: float,
    tick_seconds: float,
) -> tuple[ServiceMemory, Judgement]:
    """The memory after a look, and the decision. `fleets` are by pool, as `question` names them.

    `now` is in seconds since the epoch. Metrics that come more seldom than every `tick_seconds`, as
    those of a Prometheus do, are as old as they can be, not stale.
    """
    targets = [target for fleet in fleets.values() for target in fleet.targets]
    seen = with_samples(memory.seen, told.samples, targets)
    tick_seconds = max(tick_seconds, _between_samples(seen))
    serving = _serving(memory, question, fleets)
    seen_now = look(
        seen,
        # Whoever is held back has nothing to do: that says nothing of those that get requests.
        [target for fleet in serving for target in fleet.targets],
        question.objective_milliseconds,
        max(FRESH_SECONDS, FRESH_TICKS * tick_seconds),
    )
    rows = with_rows(memory.rows, now, seen_now)
    memory = replace(
        memory,
        seen=seen,
        pools={
            one.pool: _pool_memory(
                memory.pools.get(one.pool, PoolMemory()),
                question.model,
                one,
                fleets,
                seen,
                told,
                rows.per_request,
            )
            for one in question.pools
        },
        attainment=with_look(memory.attainment, now, seen_now.traffic),
        failures=with_ended(memory.failures, now, seen_now.ended),
        rows=rows,
    )
    observation = _observation(memory, question, serving, seen_now, now)
    if len(question.pools) == 1:
        memory, judgement = _on_one_pool(memory, question, seen_now, observation, tick_seconds)
    else:
        memory, judgement = _on_pools(memory, question, fleets, seen_now, observation, tick_seconds)
    return memory, replace(judgement, aside=_aside(judgement.record, serving, seen_now))


def _aside(record: DecisionRecord, serving: Sequence[Fleet], seen: Look) -> frozenset[str] | None:
    """The pods that are to get no new requests; with several pools, all are as good as the slowest
    of them."""
    waiting = {
        target.pod: seen.queues[target.instance]
        for fleet in serving
        for target in fleet.targets
        if target.instance in seen.queues
    }
    aside = frozenset(name for fleet in serving for name in fleet.aside)
    part = record.after.part if record.after else 1.0
    return aside_after(record.decision, record.observation, record.settings, part, waiting, aside)


def _serving(
    memory: ServiceMemory, question: ScalingQuestion, fleets: Mapping[str, Fleet]
) -> tuple[Fleet, ...]:
    """The replicas of the pools whose pods get requests."""
    pools = [
        PoolState(one.pool, ordered=fleets.get(one.pool, Fleet()).ordered) for one in question.pools
    ]
    return tuple(fleets.get(pool.name, Fleet()) for pool in receiving(memory.state.spill, pools))


def _on_one_pool(
    memory: ServiceMemory,
    question: ScalingQuestion,
    seen: Look,
    observation: Observation,
    tick_seconds: float,
) -> tuple[ServiceMemory, Judgement]:
    (pool,) = question.pools
    before = memory.state.scaling
    state, decision = decide(before, observation, question.settings, tick_seconds)
    judgement = Judgement(
        look=seen,
        record=DecisionRecord(
            observation, question.settings, tick_seconds, decision, before, state
        ),
        ordered=observation.ordered,
        ready=observation.ready,
        replicas={pool.deployment: decision.target},
        reasons=decision.reasons,
        safe_rates={pool.pool: decision.safe_rate} if decision.safe_rate else {},
    )
    return replace(memory, state=replace(memory.state, scaling=state)), judgement


def _on_pools(
    memory: ServiceMemory,
    question: ScalingQuestion,
    fleets: Mapping[str, Fleet],
    seen: Look,
    observation: Observation,
    tick_seconds: float,
) -> tuple[ServiceMemory, Judgement]:
    pools = [
        _pool_state(one, fleets.get(one.pool, Fleet()), memory.pools[one.pool])
        for one in question.pools
    ]
    curves = {name: pool.used for name, pool in memory.pools.items() if pool.used is not None}
    state, decided = decide_for_pools(
        memory.state, observation, pools, curves, question.settings, tick_seconds
    )
    distribution, decision = decided.distribution, decided.record.decision
    judgement = Judgement(
        look=seen,
        record=decided.record,
        ordered=sum(fleet.ordered for fleet in fleets.values()),
        ready=sum(fleet.ready for fleet in fleets.values()),
        replicas={one.deployment: distribution.replicas.get(one.pool, 0) for one in question.pools},
        reasons=_reasons(decision, distribution),
        safe_rates=decided.safe_rates,
        alone=distribution.alone,
    )
    return replace(memory, state=state), judgement


def _reasons(decision: Decision, distribution: Distribution) -> tuple[Reason | PoolReason, ...]:
    """The service's bound that decides, why the fleet should have so many, and where they are."""
    # The bounds of the fleet are not those of the service.
    passed_over = set(BOUNDS)
    bounds = [one for one in distribution.reasons if isinstance(one, Reason) and one.why in BOUNDS]
    if any(one.why is Why.AT_MINIMUM for one in bounds):
        passed_over |= HOLDING
    return (
        *bounds,
        *(one for one in decision.reasons if one.why not in passed_over),
        *(one for one in distribution.reasons if one not in bounds),
    )


def _pool_state(question: PoolQuestion, fleet: Fleet, memory: PoolMemory) -> PoolState:
    return PoolState(
        name=question.pool,
        ready=fleet.ready,
        ordered=fleet.ordered,
        unschedulable=len(fleet.unplaced_seconds),
        waiting_seconds=max(fleet.unplaced_seconds, default=0.0),
        # Nobody but the scheduler says that there is no node.
        refused=bool(fleet.unplaced_seconds),
        start_seconds=lead_seconds(memory.lead, question.start_seconds),
        price=question.price,
    )


def _between_samples(seen: Seen) -> float:
    """The usual time between two samples of a pod, at most a minute; 0 where there are none."""
    gaps = sorted(
        pod.latest.time - pod.earlier.time
        for pod in seen.pods.values()
        if pod.earlier is not None and pod.earlier.metrics != NONE_YET
    )
    return min(LONGEST_GAP_SECONDS, gaps[len(gaps) // 2]) if gaps else 0.0


def curve_of_requests(curve: ServiceCurve, rows_per_request: float) -> ServiceCurve:
    """The curve by requests in a batch, from the one by rows, where a request brings several.

    Triton takes a request whole: of those that are all alike a batch holds as many as fit. Where
    some are larger than others, those that are smaller fill it up.
    """
    rows = max(1.0, rows_per_request)
    fit = curve.max_batch_size / rows
    alike = rows > 1 + ALIKE and abs(rows - round(rows)) <= ALIKE
    return ServiceCurve(
        curve.base_seconds,
        curve.per_request_seconds * rows,
        max(1, math.floor(curve.max_batch_size / round(rows)) if alike else round(fit)),
        curve.instances,
    )


def _pool_memory(
    memory: PoolMemory,
    model: str,
    question: PoolQuestion,
    fleets: Mapping[str, Fleet],
    seen: Seen,
    told: Told,
    rows_per_request: float,
) -> PoolMemory:
    fleet = fleets.get(question.pool, Fleet())
    lead = memory.lead
    for start in fleet.starts:
        lead = with_start(lead, start.pod, start.seconds)
    if question.standing_by:
        # What the last replicas did, they did with the batches and instances of their plan.
        return replace(memory, lead=lead)
    measured, drift = memory.curve, memory.drift
    if reading := told.readings.get(question.pool):
        if model in reading.totals:
            # Of an ensemble a profile says what it takes alone, which no step's batch tells.
            batches = new_batches(measured, reading).get(model, [])
            drift = with_batches(drift, question.profile, reading.time, batches)
        measured = with_reading(measured, reading)
    elif question.pool in told.unreadable:
        # Of an interval's metrics only the mean is known, which is no batch's time: no drift.
        for target in fleet.targets[:1]:
            pod = seen.pods.get(target.instance)
            if pod is not None and pod.earlier is not None and pod.latest.time > pod.earlier.time:
                measured = with_metrics(
                    measured, model, pod.latest.time, pod.earlier.metrics, pod.latest.metrics
                )
    found = curve(measured, model, question.prior, question.largest_batch, question.instances)
    proven = with_answers(memory.proven, fleet.targets, seen)
    used = None
    if found:
        most = max(question.throughput, proven.rate)
        used = rounded(curve_of_requests(found, rows_per_request)).at_most(most)
    return PoolMemory(measured, lead, _steady(memory.used, used), drift, proven)


def _steady(used: ServiceCurve | None, found: ServiceCurve | None) -> ServiceCurve | None:
    """The curve that is used already, as long as it is about the one that was found.

    What was measured fades, and with no request for hours nothing is left of it: that makes no
    replica slower.
    """
    if used is None or found is None:
        return found or used
    same = (used.max_batch_size, used.instances) == (found.max_batch_size, found.instances)
    for size in (1, used.max_batch_size):
        ratio = found.seconds(size) / used.seconds(size)
        same = same and abs(ratio - 1) <= SAME_CURVE
    return used if same else found


def _observation(
    memory: ServiceMemory,
    question: ScalingQuestion,
    serving: Sequence[Fleet],
    seen: Look,
    now: float,
) -> Observation:
    first = question.pools[0]
    known = memory.pools[first.pool]
    # With several pools, those without a node are no part of the fleet that gets requests.
    alone = len(question.pools) == 1
    return Observation(
        now=now,
        ready=sum(fleet.ready for fleet in serving),
        traffic=seen.traffic,
        pending=seen.pending or 0.0,
        reporting=seen.reporting,
        starting_seconds=tuple(
            seconds
            for fleet in serving
            for seconds in (*fleet.starting_seconds, *(fleet.unplaced_seconds if alone else ()))
        ),
        unschedulable=sum(len(fleet.unplaced_seconds) for fleet in serving) * alone,
        metrics_age_seconds=seen.age_seconds,
        curve=known.used,
        lead_seconds=lead_seconds(known.lead, first.start_seconds),
        starts=tuple(start.seconds for start in known.lead.starts),
    )
