"""The decision on replicas: pure, and the same in the operator, the benchmark and a replay."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.capacity import TOLD_APART, with_service
from triton_operator.autoscaling.demand import (
    LONGEST_HORIZON_BINS,
    REMEMBERED_SECONDS,
    estimate,
    settled,
    with_traffic,
)
from triton_operator.autoscaling.economy import (
    ReplicaModel,
    Situation,
    replica_model,
    replicas_to_keep,
    replicas_to_order,
    replicas_to_rush,
)
from triton_operator.autoscaling.freshness import freshness
from triton_operator.autoscaling.observation import Observation
from triton_operator.autoscaling.outlook import Outlook, outlook
from triton_operator.autoscaling.readiness import ready_parts
from triton_operator.autoscaling.reasons import Reason, Why, reason
from triton_operator.autoscaling.scale_down import descend, with_target, with_want
from triton_operator.autoscaling.settings import TICK_SECONDS, ScalingSettings
from triton_operator.autoscaling.state import BIN_SECONDS, ScalingState

JUDGED_SECONDS = 10.0
"""What is ordered now is judged by this long after it is ready: by then more can have come."""
KEEPING = 2.0
"""A replica that is there is kept for misses that are worth half of what ordering one asks: after a
burst it may be over for good, or the next one may come."""
URGENT = 8.0
"""Times the price of a miss while demand is above what is ready: a queue grows by the second."""
FULL = 0.95
"""Of a replica's capacity: nearer to it, its queue only grows."""
PENDING_BATCHES = 2.0
"""More waiting than so many full batches per ready replica is a backlog."""


@dataclass(frozen=True)
class Decision:
    """How many replicas there should be from now on, pending ones included, and why.

    `rate` requests/s come in; `safe_rate` is what one replica does within the objective; both are
    None where they are not known.
    """

    target: int
    freshness: MetricsFreshness
    reasons: tuple[Reason, ...]
    rate: float | None = None
    safe_rate: float | None = None

    @property
    def why(self) -> str:
        """The reasons, as one line."""
        return "; ".join(one.sentence for one in self.reasons)


def decide(
    state: ScalingState,
    observation: Observation,
    settings: ScalingSettings,
    tick_seconds: float = TICK_SECONDS,
) -> tuple[ScalingState, Decision]:
    """The next state, and how many replicas there should be.

    `tick_seconds` is how often this is asked, and no less than how often metrics are new.
    """
    fresh = freshness(observation, tick_seconds)
    now = observation.now
    if state.watching_since is None:
        state = replace(state, watching_since=now)
    told = observation.traffic
    if told is not None and fresh in (MetricsFreshness.FRESH, MetricsFreshness.PARTIAL):
        # Those that told stand for all that are ready.
        factor = max(1.0, observation.ready / max(1, observation.reporting))
        traffic = replace(told, arrivals=told.arrivals * factor)
        state = with_traffic(state, now, traffic)
        observation = replace(observation, traffic=traffic, pending=observation.pending * factor)
    if fresh is MetricsFreshness.LOST:
        return _blind(state, observation, settings)
    if len(state.rates) < 2:
        return _hold(state, observation, settings, fresh, reason(Why.FIRST_LOOK))
    if observation.curve is None:
        if _is_idle(state, observation, fresh):
            return _idle(state, observation, settings, fresh)
        return _hold(state, observation, settings, fresh, reason(Why.CURVE_UNKNOWN))
    model = replica_model(observation.curve, settings.objective_seconds, settings.percentile)
    if model.safe_rate <= 0:
        model = replace(model, safe_rate=0.9 * model.capacity)
    if fresh is MetricsFreshness.FRESH:
        state = with_service(state, observation, model, 1.0 - settings.percentile)
    model = model.at(state.part)
    return _informed(state, observation, settings, fresh, model)


def _informed(
    state: ScalingState,
    observation: Observation,
    settings: ScalingSettings,
    fresh: MetricsFreshness,
    model: ReplicaModel,
) -> tuple[ScalingState, Decision]:
    now, ordered = observation.now, observation.ordered
    lead = observation.lead_seconds or settings.prior_lead_seconds
    rate = estimate(state)
    lead_pieces = min(LONGEST_HORIZON_BINS - 12, math.ceil((lead + BIN_SECONDS / 2) / BIN_SECONDS))
    ways = outlook(state, rate, lead_pieces + math.ceil(JUDGED_SECONDS / BIN_SECONDS))
    price = settings.price_of_a_miss
    situation = Situation(observation.pending, observation.ready, _crowded(observation))
    # Where nothing that can be ordered saves a request, none is worth its price: what the demand of
    # now needs is ordered all the same. Beyond the bounds too: what is missing is worth saying.
    least = max(1, math.ceil(rate / (FULL * model.capacity)))
    wanted = replicas_to_order(
        model, ways, situation, price, (least, max(least, 4 * settings.most)), lead_pieces
    )
    reasons = [
        reason(
            Why.DEMAND,
            rate=rate,
            outlook=float((ways.rates.max(axis=1) * ways.weights).sum()),
            lead=lead,
            safe=model.safe_rate,
        )
    ]
    if state.part < TOLD_APART:
        reasons.append(reason(Why.SLOWER, percent=100 * state.part))
    full = PENDING_BATCHES * _batch(observation)
    queued = observation.pending > full * observation.ready
    if observation.ready < least or (queued and observation.ready < wanted):
        middles = BIN_SECONDS * np.arange(0.5, ways.rates.shape[1])
        parts = ready_parts(observation.starts, lead, middles)
        bounds = wanted, max(wanted, 4 * settings.most)
        # For what is there; what may come is no reason to hurry.
        present = Outlook(np.full((1, len(parts)), rate), np.ones(1))
        wanted = replicas_to_rush(model, present, situation, URGENT * price, bounds, parts)
    if queued:
        reasons.append(reason(Why.BACKLOG, pending=observation.pending, lead=lead))
    if observation.ready < least or observation.pending > full * min(observation.ready, wanted):
        # The more replicas take what comes, the less of it ends up behind those that wait: none
        # goes before the queue is short for as many as will stay.
        wanted = max(wanted, ordered)
    if wanted < ordered:
        wanted = replicas_to_keep(model, ways, situation, KEEPING * price, (wanted, ordered))
    # A jump may be over before what it ordered is ready, and a queue will be: neither is a reason
    # to keep replicas for as long as a start takes.
    lasting = replace(ways, rates=ways.rates * min(1.0, settled(state) / max(rate, 1e-9)))
    standing = replicas_to_order(
        model, lasting, Situation(0.0, wanted), price, (1, max(1, wanted)), lead_pieces
    )
    state = with_want(state, now, ordered, wanted, standing)
    target = wanted
    if wanted < ordered:
        descent = descend(state, now, lead, ordered)
        target = descent.replicas
        reasons += descent.reasons
        if fresh is not MetricsFreshness.FRESH:
            target = ordered
            reasons.append(_imperfect(observation, fresh))
    target, limits = _bounded(target, settings, observation)
    return (
        with_target(state, now, ordered, target),
        Decision(target, fresh, (*reasons, *limits), rate, model.safe_rate),
    )


def _blind(
    state: ScalingState, observation: Observation, settings: ScalingSettings
) -> tuple[ScalingState, Decision]:
    """Without metrics: never fewer than there are, and the most of the last while."""
    highest = max((number for _, number in state.targets), default=0)
    age = observation.metrics_age_seconds
    why = reason(Why.METRICS_LOST, age=age) if age < math.inf else reason(Why.NO_METRICS_YET)
    target, limits = _bounded(max(observation.ordered, highest), settings, observation)
    reasons = (why, *limits)
    # What comes after the gap is new: nothing is removed before it has been watched for a while.
    state = replace(state, rates=(), watching_since=None)
    return state, Decision(target, MetricsFreshness.LOST, reasons)


def _hold(
    state: ScalingState,
    observation: Observation,
    settings: ScalingSettings,
    fresh: MetricsFreshness,
    why: Reason,
) -> tuple[ScalingState, Decision]:
    target, limits = _bounded(observation.ordered, settings, observation)
    return state, Decision(target, fresh, (why, *limits))


def _idle(
    state: ScalingState,
    observation: Observation,
    settings: ScalingSettings,
    fresh: MetricsFreshness,
) -> tuple[ScalingState, Decision]:
    """One replica is enough, and the others go as any do that are not wanted."""
    now, ordered = observation.now, observation.ordered
    lead = observation.lead_seconds or settings.prior_lead_seconds
    state = with_want(state, now, ordered, min(1, ordered), min(1, ordered))
    descent = descend(state, now, lead, ordered)
    target, limits = _bounded(descent.replicas, settings, observation)
    reasons = (reason(Why.IDLE, seconds=REMEMBERED_SECONDS), *descent.reasons, *limits)
    return with_target(state, now, ordered, target), Decision(target, fresh, reasons)


def _is_idle(state: ScalingState, observation: Observation, fresh: MetricsFreshness) -> bool:
    """Whether no request came for a minute: any replica, however slow, is enough for none."""
    seconds = sum(length for _, length, _ in state.rates)
    return (
        fresh is MetricsFreshness.FRESH
        and observation.reporting >= observation.ready
        and seconds >= 0.9 * REMEMBERED_SECONDS
        and not observation.pending
        and not any(rate for *_, rate in state.rates)
    )


def _bounded(
    target: int, settings: ScalingSettings, observation: Observation
) -> tuple[int, tuple[Reason, ...]]:
    """The number within the bounds, and which of them it met."""
    reasons: list[Reason] = []
    if observation.unschedulable and target > observation.ordered - observation.unschedulable + 1:
        # One that waits is enough to be seen by who adds nodes, and to notice a free place.
        target = max(
            observation.ordered - observation.unschedulable + 1,
            min(target, observation.ordered),
        )
        reasons.append(reason(Why.UNSCHEDULABLE, unschedulable=observation.unschedulable))
    if target > settings.most:
        reasons.append(reason(Why.AT_MAXIMUM, wanted=target, bound=settings.most))
        target = settings.most
    if target < settings.least:
        reasons.append(reason(Why.AT_MINIMUM, bound=settings.least))
        target = settings.least
    return target, tuple(reasons)


def _crowded(observation: Observation) -> int | None:
    """How many replicas have a queue; None: not known, or none has."""
    if observation.traffic is None or observation.reporting < observation.ready:
        return None
    long = PENDING_BATCHES * _batch(observation)
    return sum(one.waiting > long for one in observation.traffic.replicas) or None


def _imperfect(observation: Observation, fresh: MetricsFreshness) -> Reason:
    if fresh is MetricsFreshness.PARTIAL:
        return reason(Why.METRICS_PARTIAL, reporting=observation.reporting, ready=observation.ready)
    return reason(Why.METRICS_STALE, age=observation.metrics_age_seconds)


def _batch(observation: Observation) -> int:
    return observation.curve.max_batch_size if observation.curve else 1
