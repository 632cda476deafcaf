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
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from triton_operator.autoscaling.outlook import Outlook
from triton_operator.autoscaling.queue_model import safe_rate, tails
from triton_operator.autoscaling.service_curve import ServiceCurve
from triton_operator.autoscaling.state import BIN_SECONDS

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
    """Where the queues start: `pending` requests wait, `ready` replicas serve."""

    pending: float
    ready: int


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
    return _cheapest(
        lambda numbers: _cost(model, ways, situation, price, numbers, lead_pieces),
        least,
        max(least, min(most, enough)),
    )


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
    least, most = bounds
    return _cheapest(
        lambda numbers: _cost(model, ways, situation, price, numbers, 0),
        least,
        max(least, most),
    )


def _cost(
    model: ReplicaModel,
    ways: Outlook,
    situation: Situation,
    price: float,
    numbers: Array,
    lead_pieces: int,
) -> Array:
    """Replica-seconds and the price of misses, for each number, after `lead_pieces`."""
    replicas = numbers[:, None]
    waiting = np.full((len(numbers), len(ways.weights)), situation.pending)
    missed = np.zeros(len(numbers))
    pieces = ways.rates.shape[1]
    early = np.minimum(replicas, max(1, situation.ready))
    for piece in range(pieces):
        serving = early if piece < lead_pieces else replicas
        come = ways.rates[:, piece] * BIN_SECONDS
        load = waiting + come
        waiting = np.maximum(0.0, load - serving * (model.capacity * BIN_SECONDS))
        if piece >= lead_pieces:
            missed += (model.missed(load / (serving * BIN_SECONDS)) * come) @ ways.weights
    seconds = (pieces - lead_pieces) * BIN_SECONDS
    cost: Array = numbers * seconds + price / model.safe_rate * missed
    return cost


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
