"""Which pods get no new requests until their queue is short.

Who stood in a step has a queue of seconds, and the Service goes on sending it an even share: every
request of that share misses the objective, while pods that have just become ready could keep it.
So the crowded ones are put aside, as many as the others can do without. A queue is not lost by
that: its pod works it off, and sooner.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from triton_operator.autoscaling.economy import ReplicaModel

CROWDED_OBJECTIVES = 2.0
"""A queue of so many objectives' work: what joins it misses by far. At a replica's safe rate such
queues hardly come by chance, so nobody goes aside and back without a reason."""
SHORT_OBJECTIVES = 0.5
"""With such a queue a pod is as good as the others again."""


def put_aside(
    waiting: Mapping[str, float],
    ready: int,
    aside: frozenset[str],
    rate: float,
    model: ReplicaModel,
    objective_seconds: float,
) -> frozenset[str]:
    """The pods that are to get no new requests, of `ready` ones.

    `waiting` are the requests in the queue of each pod that told, by name; who told nothing gets
    requests. `aside` are those that get none so far. The rest share `rate` requests/s evenly, and
    each of them has to be within its safe rate with that.
    """
    bound = objective_seconds * model.capacity
    crowded = sorted(
        (
            name
            for name, number in waiting.items()
            if number > (SHORT_OBJECTIVES if name in aside else CROWDED_OBJECTIVES) * bound
        ),
        key=lambda name: (-waiting[name], name),
    )
    needed = max(1, math.ceil(rate / model.safe_rate)) if model.safe_rate > 0 else ready
    return frozenset(crowded[: max(0, ready - needed)])
