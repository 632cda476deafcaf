"""What part of the service curve's rate replicas really do: learnt from queues and from latencies.

A curve is measured on one replica, and old by minutes. Two things tell that others are slower:

- A replica whose queue lasts runs full batches without a pause, so what it answers is what it can
  do. That is seen within seconds, and not while nobody has a queue.
- More answers are late than the queue model expects at the load they met. That takes a minute and
  a histogram of latencies, and says nothing while demand is more than the replicas can do: then
  answers are late however fast the replicas are.

The slow ones count, not the mean: a balancer that picks at random gives each replica the same.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from triton_operator.autoscaling.demand import WINDOW_SECONDS, estimate, settled
from triton_operator.autoscaling.economy import ReplicaModel
from triton_operator.autoscaling.observation import Observation, Served, Traffic
from triton_operator.autoscaling.state import BIN_SECONDS, ScalingState

LEAST_PART = 0.5
"""Slower than that is a fault to repair, and replicas are no way to do it."""
TOLD_APART = 0.95
"""A part above this is the noise of what was measured."""
RISE_PER_SECOND = 0.01 / 60
"""Believed too slow, a service is dearer; believed too fast, it is late."""
BUSY_SECONDS = 30.0
ENOUGH_BUSY_SECONDS = 10.0
"""Seconds of replicas with a queue: a batch more or less at either end is 1 % then."""
LASTING_BATCHES = 2.0
LASTING_PART = 0.25
"""A queue lasts that is as long at both ends, and takes a quarter of the time to be worked off."""
LATE_SECONDS = 120.0
ENOUGH_SECONDS = 30.0
ENOUGH_ANSWERS = 300.0
CROWDED_BATCHES = 1.5
"""More waiting than so many batches per replica: answers are late because of a queue."""
CLUMP = 20.0
"""Late answers come together: their number varies like that of clumps of so many."""
DEVIATIONS = 2.0
FULL_LOAD = 1.05
"""Times the safe rate; above it a queue is too slow to settle for its mean to be compared."""


def with_service(
    state: ScalingState, observation: Observation, model: ReplicaModel, allowed: float
) -> ScalingState:
    """The state after one more look at how fast replicas are.

    `model` is the curve's word, `allowed` the share of answers that may be late (0.01).
    """
    traffic = observation.traffic
    if traffic is None:
        return state
    state = _with_answers(_with_queues(state, observation, traffic, model), observation, traffic)
    part = state.part
    risen = part + RISE_PER_SECOND * traffic.interval_seconds
    measured = _of_queues(state, model)
    if measured is not None and measured < TOLD_APART:
        part = min(part, measured)
    late = _of_latencies(state, model, allowed)
    if late is not None:
        lower, higher = late
        if part > higher:
            part = higher
        elif part < lower:
            part = min(lower, risen)
    elif measured is None:
        # Nothing speaks against the curve any more; where it is wrong, queues will tell again.
        part = risen
    return replace(state, part=min(1.0, max(LEAST_PART, part)))


def without_part(state: ScalingState) -> ScalingState:
    """The state that believes the curve again, for another model or pool than was learnt of."""
    new = ScalingState()
    return replace(
        state,
        part=new.part,
        busy=new.busy,
        answers=new.answers,
        calm_since=new.calm_since,
        ready=new.ready,
    )


def _with_queues(
    state: ScalingState, observation: Observation, traffic: Traffic, model: ReplicaModel
) -> ScalingState:
    # A source that is read more often than it learns (Prometheus) tells an interval several times.
    # Intervals end in the order in which they are told, so those up to the last row are in it.
    newest = max((_until(one, observation) for one in traffic.replicas), default=observation.now)
    kept = tuple(row for row in state.busy if abs(newest - row[0]) < BUSY_SECONDS)
    known = kept[-1][0] if kept else -math.inf
    seconds = answered = 0.0
    for one in traffic.replicas:
        lasts = max(
            LASTING_BATCHES * _batch(observation), LASTING_PART * one.seconds * model.capacity
        )
        if min(one.waited_before, one.waiting) >= lasts and _until(one, observation) > known:
            seconds += one.seconds
            answered += one.answered
    if seconds:
        kept = (*kept, (newest, seconds, answered))
    return replace(state, busy=kept)


def _until(one: Served, observation: Observation) -> float:
    return one.until or observation.now


def _of_queues(state: ScalingState, model: ReplicaModel) -> float | None:
    """The part that replicas with a queue do."""
    seconds = sum(row[1] for row in state.busy)
    if seconds < ENOUGH_BUSY_SECONDS:
        return None
    return sum(row[2] for row in state.busy) / seconds / model.capacity


def _with_answers(state: ScalingState, observation: Observation, traffic: Traffic) -> ScalingState:
    now, ready = observation.now, max(1, observation.ready)
    rows = tuple(row for row in state.answers if row[0] > now - LATE_SECONDS)
    crowded = observation.pending > CROWDED_BATCHES * _batch(observation) * ready
    if crowded or ready != state.ready or estimate(state) > settled(state):
        return replace(state, answers=rows, ready=ready, calm_since=now)
    if now - state.calm_since < WINDOW_SECONDS or traffic.answered is None:
        return replace(state, answers=rows)
    late = max(0.0, traffic.answered - (traffic.within_objective or 0.0))
    new = (traffic.interval_seconds, traffic.arrivals / ready, traffic.answered, late)
    if rows and now - rows[-1][0] < BIN_SECONDS:
        # Loads of single seconds are noise; bursts of some seconds are not.
        since, seconds, arrivals, answered, missed = rows[-1]
        merged = (since, seconds + new[0], arrivals + new[1], answered + new[2], missed + new[3])
        return replace(state, answers=(*rows[:-1], merged))
    return replace(state, answers=(*rows, (now, *new)))


def _of_latencies(
    state: ScalingState, model: ReplicaModel, allowed: float
) -> tuple[float, float] | None:
    """The lowest and the highest part by which the model expects as many late answers as came.

    As long as no more than `allowed` of all are late, the highest one is 1.
    """
    rows = np.array([row[1:] for row in state.answers]).reshape(-1, 4)
    rows = rows[rows[:, 1] <= FULL_LOAD * state.part * model.safe_rate * rows[:, 0]]
    if rows[:, 0].sum() < ENOUGH_SECONDS or rows[:, 2].sum() < ENOUGH_ANSWERS:
        return None
    loads, answers, late = rows[:, 1] / rows[:, 0], rows[:, 2], float(rows[:, 3].sum())
    noise = DEVIATIONS * math.sqrt(CLUMP * (late + 1.0))
    parts = np.linspace(LEAST_PART, 1.0, 51)
    expected = np.array([float(model.missed(loads / part) @ answers) for part in parts])
    # The more a replica can do, the fewer are late.
    enough, few = parts[expected >= late - noise], parts[expected <= late + noise]
    highest = float(enough[-1]) if len(enough) else LEAST_PART
    if late - noise <= allowed * answers.sum():
        highest = 1.0
    return (float(few[0]) if len(few) else 1.0, highest)


def _batch(observation: Observation) -> int:
    return observation.curve.max_batch_size if observation.curve else 1
