"""How many replicas are worth their cost: the number at which one more spares too few misses.

For each number of replicas and each way that demand may go, the queue is followed piece by piece:
what comes, what is served, what is left over. The share of requests that miss the objective at a
given load is that of the queue model. The number chosen is the one with the least of

    replicas * seconds + price * (misses expected)

A fixed price of a miss is what makes a whole hour cheapest for its misses: replicas go where they
spare most. So calm traffic gets little headroom, bursts that come often get some that stands
ready, and a step that comes once a day is not waited for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from triton_operator.autoscaling.outlook import Outlook
from triton_operator.autoscaling.state import BIN_SECONDS
from triton_operator.planning.queue_model import safe_rate, tails
from triton_operator.planning.service_curve import ServiceCurve

Array = NDArray[np.float64]
TABLE_LENGTH = 400
CANDIDATES = 12


@dataclass(frozen=True)
class ReplicaModel:
    """One replica as the choice sees it: `safe_rate` and `capacity` in requests/s.

    `misses[i]` is the share that misses the objective at i / (length - 1) of the capacity.
    """

    capacity: float
    safe_rate: float
    misses: Array

    def missed(self, rates: Array) -> Array:
        """The share of requests that miss, at these rates per replica."""
        last = len(self.misses) - 1
        places = np.minimum(rates * (last / self.capacity), last).astype(np.int64)
        share: Array = self.misses[places]
        return share

    def at(self, part: float) -> ReplicaModel:
        """The model of a replica that does this part of the rate."""
        return ReplicaModel(part * self.capacity, part * self.safe_rate, self.misses)


@lru_cache(maxsize=4096)
def replica_model(curve: ServiceCurve, objective_seconds: float, percentile: float) -> ReplicaModel:
    """The model of one replica with this service curve; remembered, as it takes up to a second."""
    rates, shares = tails(curve, objective_seconds)
    loads = np.linspace(0.0, curve.capacity, TABLE_LENGTH)
    return ReplicaModel(
        curve.capacity,
        safe_rate(curve, objective_seconds, percentile),
        np.interp(loads, rates, shares),
    )


@dataclass(frozen=True)
class Situation:
    """Where the queues start: `ready` replicas serve, and `pending` requests wait.

    They wait in `crowded` of the replicas (None: in all), and stay there: a replica that is new
    takes what comes, and nothing of what waits in others.
    """

    pending: float
    ready: int
    crowded: int | None = None


def replicas_to_order(
    model: ReplicaModel,
    ways: Outlook,
    situation: Situation,
    price: float,
    bounds: tuple[int, int],
    lead_pieces: int,
) -> int:
    """How many should be ready when what is ordered now is: judged over the pieces after that.

    Until then only the ready ones serve, and what they cannot serve waits. `price` is in requests'
    worth of replicas (see `ScalingSettings.price_of_a_miss`).
    """
    peak = float(ways.rates.max())
    left = situation.pending + lead_pieces * BIN_SECONDS * max(
        0.0, peak - situation.ready * model.capacity
    )
    enough = math.ceil(peak / model.safe_rate + left / (model.capacity * BIN_SECONDS)) + 1
    least, most = bounds

    def cost(numbers: Array) -> Array:
        judged = ways.rates.shape[1] - lead_pieces
        ready = max(1, situation.ready)
        # Where all are at least as many, the time until then is followed once for all.
        early = np.array([ready]) if numbers[0] >= ready else np.minimum(numbers, ready)
        serving = [early] * lead_pieces + [numbers] * judged
        missed = _missed(model, ways, situation, serving, lead_pieces)
        seconds = judged * BIN_SECONDS
        total: Array = numbers * seconds + price / model.safe_rate * missed
        return total

    return _cheapest(cost, least, max(least, min(most, enough)))


def replicas_to_keep(
    model: ReplicaModel,
    ways: Outlook,
    situation: Situation,
    price: float,
    bounds: tuple[int, int],
) -> int:
    """How many of those that are there are worth keeping, from now on: what goes is gone until it
    is ordered again, so all pieces count.

    Where no number in the bounds saves a request, the least of them is the cheapest: as with
    `replicas_to_order`, the lower bound has to be what the present rate needs.
    """
    return replicas_to_order(model, ways, situation, price, bounds, 0)


def replicas_to_rush(
    model: ReplicaModel,
    ways: Outlook,
    situation: Situation,
    price: float,
    bounds: tuple[int, int],
    started: Array,
) -> int:
    """How many to order so that the least of the bounds is ready soon: of many, some are fast.

    `started[k]` is the part of them that is ready in the middle of piece k. All that are ordered
    are paid for until enough are ready; then the others go.
    """
    least, most = bounds

    def cost(numbers: Array) -> Array:
        new = (numbers[:, None] - situation.ready) * started[None, :]
        serving = np.minimum(least, situation.ready + np.maximum(0.0, new))
        paid = np.where(serving < least, numbers[:, None], least)
        missed = _missed(model, ways, situation, list(serving.T), 0)
        total: Array = BIN_SECONDS * paid.sum(axis=1) + price / model.safe_rate * missed
        return total

    return _cheapest(cost, least, max(least, most))


def _missed(
    model: ReplicaModel,
    ways: Outlook,
    situation: Situation,
    serving: Sequence[Array],
    judged_from: int,
) -> Array:
    """Misses expected from that piece on, for each number of `serving`, which has the replicas that
    serve in each piece: an array of numbers, or one number for all."""
    crowded = situation.ready if situation.crowded is None else situation.crowded
    crowded = max(1, crowded)
    room = model.capacity * BIN_SECONDS
    old = np.full((1, len(ways.weights)), situation.pending / crowded)
    new = np.zeros_like(old)
    missed = np.zeros(len(serving[-1]))
    others = np.full((1, 1), max(0.0, max(1, situation.ready) - crowded))
    for piece, number in enumerate(serving):
        replicas = np.maximum(1.0, number[:, None])
        come = ways.rates[:, piece] * BIN_SECONDS
        each = come / replicas
        before, others = others, np.maximum(0.0, replicas - crowded)
        # Who has just become ready has no queue.
        new = new * np.minimum(1.0, before / np.maximum(others, 1e-9))
        if piece >= judged_from:
            part = np.minimum(1.0, crowded / replicas)
            late = part * model.missed((old + each) / BIN_SECONDS)
            late += (1.0 - part) * model.missed((new + each) / BIN_SECONDS)
            missed += (late * come) @ ways.weights
        old = np.maximum(0.0, old + each - room)
        new = np.maximum(0.0, new + each - room)
    return missed


def _cheapest(cost: Callable[[Array], Array], least: int, most: int) -> int:
    """The number with the least cost: some over the whole range, then all around the best."""
    numbers = _integers(np.geomspace(max(1, least), max(1, most), CANDIDATES))
    while True:
        best = int(np.argmin(cost(numbers.astype(float))))
        low = int(numbers[max(0, best - 1)])
        high = int(numbers[min(len(numbers) - 1, best + 1)])
        if (np.diff(numbers[max(0, best - 1) : best + 2]) <= 1).all():
            return int(numbers[best])
        numbers = _integers(np.linspace(low, high, min(CANDIDATES, high - low + 1)))


def _integers(numbers: Array) -> NDArray[np.int64]:
    return np.unique(np.round(numbers).astype(np.int64))
