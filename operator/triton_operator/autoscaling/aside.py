"""Which pods get no new requests until their queue is short.

Who stood in a step has a queue of seconds, and the Service goes on sending it an even share: every
request of that share misses the objective, while pods that have just become ready could keep it.
So the crowded ones are put aside, as many as the others can do without. A queue is not lost by
that: its pod works it off, and sooner.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.decision import Decision
from triton_operator.autoscaling.economy import ReplicaModel, replica_model
from triton_operator.autoscaling.observation import Observation
from triton_operator.autoscaling.settings import ScalingSettings

Pod = TypeVar("Pod", bound=Hashable)
CROWDED_OBJECTIVES = 2.0
"""A queue of so many objectives' work: what joins it misses by far. At a replica's safe rate such
queues hardly come by chance, so nobody goes aside and back without a reason."""
SHORT_OBJECTIVES = 0.5
"""With such a queue a pod is as good as the others again."""


def aside_after(
    decision: Decision,
    observation: Observation,
    settings: ScalingSettings,
    part: float,
    waiting: Mapping[Pod, float],
    aside: frozenset[Pod],
) -> frozenset[Pod] | None:
    """The pods that are to get no new requests from now on; None: as so far, nothing is known now.

    `part` is what a replica does of its curve's rate, `waiting` and `aside` are as in `put_aside`.
    Nobody stays aside whose queue nobody can see any more.
    """
    if decision.freshness is MetricsFreshness.LOST or observation.curve is None:
        return frozenset()
    if decision.freshness is not MetricsFreshness.FRESH or decision.rate is None:
        return None
    objective = settings.objective_seconds
    model = replica_model(observation.curve, objective, settings.percentile).at(part)
    return put_aside(waiting, observation.ready, aside, decision.rate, model, objective)


def put_aside(
    waiting: Mapping[Pod, float],
    ready: int,
    aside: frozenset[Pod],
    rate: float,
    model: ReplicaModel,
    objective_seconds: float,
) -> frozenset[Pod]:
    """The pods that are to get no new requests, of `ready` ones.

    `waiting` are the requests in the queue of each pod that told; who told nothing gets requests.
    `aside` are those that get none so far. The rest share `rate` requests/s evenly, and each of
    them has to be within its safe rate with that.
    """
    bound = objective_seconds * model.capacity
    crowded = sorted(
        (
            pod
            for pod, number in waiting.items()
            if number > (SHORT_OBJECTIVES if pod in aside else CROWDED_OBJECTIVES) * bound
        ),
        # Who is aside stays so before others go: else they would take turns while all are crowded.
        key=lambda pod: (pod not in aside, -waiting[pod]),
    )
    needed = max(1, math.ceil(rate / model.safe_rate)) if model.safe_rate > 0 else ready
    return frozenset(crowded[: max(0, ready - needed)])
