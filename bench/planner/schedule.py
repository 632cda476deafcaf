"""When requests come, and what their latencies say. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LATE_SHARE = 0.01
"""Of all requests: the objective bounds the 99th percentile."""
FEWEST, LEAST_SECONDS, MOST_SECONDS = 300, 2.0, 8.0
"""A run has that many requests, if it does not take longer than `MOST_SECONDS`; and it lasts
`LEAST_SECONDS` however fast they come."""


def run_seconds(rate: float) -> float:
    """How long requests are sent at `rate` requests/s."""
    return min(MOST_SECONDS, max(LEAST_SECONDS, FEWEST / rate))


def arrivals(rate: float, seconds: float, seed: int) -> NDArray[np.float64]:
    """Seconds from the start at which requests are due: a Poisson stream, ascending.

    The same seed gives the same stream at every rate, only faster or slower: what is compared at
    two rates differs in nothing else.
    """
    count = max(1, round(rate * seconds))
    gaps = np.random.default_rng(seed).exponential(size=count)
    due: NDArray[np.float64] = np.cumsum(gaps) / rate
    return due


def late_allowed(count: int) -> int:
    """How many of `count` requests may be late so that the percentile is in time."""
    return math.floor(LATE_SHARE * count + 1e-9)


def percentile(values: Sequence[float] | NDArray[Any], share: float) -> float:
    """By the nearest rank: at most 1 - `share` of the values are larger.

    Raises:
        ValueError: there is no value.
    """
    if len(values) == 0:
        raise ValueError("a percentile needs at least one value")
    rank = math.ceil(share * len(values) - 1e-9)
    return float(np.sort(np.asarray(values))[max(0, rank - 1)])
