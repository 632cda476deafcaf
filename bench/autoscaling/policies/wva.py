"""llm-d's Workload Variant Autoscaler, its queue model carried over to batches: sized on the mean.

`replicas = ceil(rate / the rate at which the mean latency is the target)`. It is given the exact
mean of the service curve that everybody is told, and its number is applied without the delay of an
HPA.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from bench.autoscaling.setup import Setup
from bench.autoscaling.view import View

LOOP_SECONDS = 60.0
RATE_SECONDS = 60
STABILISATION_SECONDS = 300.0
STATES = 400
STEPS = 14


@dataclass
class MeanLatency:
    """So many replicas that each has `rate` requests/s; up at once, down after five minutes."""

    rate: float
    period: float = LOOP_SECONDS
    _wanted: list[tuple[float, int]] = field(default_factory=list)

    def target(self, view: View) -> int:
        """Every minute; no data: the number stays."""
        rate = view.completions(RATE_SECONDS)
        if rate is None:
            return view.ordered
        wanted = max(1, math.ceil(rate / self.rate - 1e-9))
        self._wanted = [
            (at, number)
            for at, number in [*self._wanted, (view.now, wanted)]
            if view.now - at <= STABILISATION_SECONDS
        ]
        return max(number for _, number in self._wanted)


def rate_at(setup: Setup, mean_seconds: float) -> float:
    """The highest rate per instance at which the mean latency is `mean_seconds`, as believed."""
    base, slope = setup.believed_base * setup.base, setup.believed_base * setup.slope
    low, high = 0.0, 0.99 * setup.largest / (base + slope * setup.largest)
    for _ in range(STEPS):
        middle = (low + high) / 2
        if mean_latency(base, slope, setup.largest, middle) <= mean_seconds:
            low = middle
        else:
            high = middle
    # Slower than a lone request: one replica per request/s.
    return setup.instances * max(low, 1.0)


@lru_cache(maxsize=256)
def mean_latency(base: float, slope: float, largest: int, rate: float) -> float:
    """Mean seconds in a replica with one instance that takes `base + slope * b` for b requests.

    Little's law over one cycle of the chain of requests that wait when a batch is done.
    """
    waiting = np.arange(STATES + 1)
    batch = np.clip(waiting, 1, largest)
    rest = np.maximum(waiting - batch, 0)
    seconds = base + slope * batch
    means = rate * (base + slope * np.arange(largest + 1))[:, None]
    laws = np.exp(waiting * np.log(np.maximum(means, 1e-300)) - means - _LOG_FACTORIALS)
    chain = np.zeros((STATES + 1, STATES + 1))
    for state in waiting:
        chain[state, rest[state] :] = laws[batch[state], : STATES + 1 - rest[state]]
    chain[:, -1] += np.maximum(0.0, 1.0 - chain.sum(axis=1))
    balance = chain.T - np.eye(STATES + 1)
    balance[-1] = 1.0
    steady = np.clip(np.linalg.solve(balance, np.eye(1, STATES + 1, STATES)[0]), 0.0, None)
    held = steady @ (seconds * (batch + rest) + rate * seconds**2 / 2)
    arrivals = steady @ (rate * seconds) + steady[0]
    return float(held / arrivals)


_LOG_FACTORIALS = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1.0, STATES + 1)))))
