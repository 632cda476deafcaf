"""What may come: the ways that demand took after moments like this one, and how likely each is.

No law of arrivals is assumed. For each moment of the last hour it is known what was estimated then
and what came in the minute after; the ratios of the two, times the estimate of now, are ways that
the next minute may go. Moments with a similar rate count most: what follows a calm night says
little about the height of a burst. Before there is a memory, a few mild deviations stand in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triton_operator.autoscaling.state import ScalingState

Array = NDArray[np.float64]
LIKENESS = 0.35
"""Standard deviation of the kernel, in the logarithm of the rate: 42 % more or less."""
UNLIKE_WEIGHT = 0.02
"""Of moments at quite another rate: they count where there are no others."""
PRIOR_WEIGHT = 120.0
"""Moments' worth of weight: after ten minutes the memory counts as much. With less, one step that
came early is waited for at the cost of standing replicas as if such steps came every few minutes.
"""
PRIOR_SPREAD = 0.10
PRIOR_WAYS = 16
MOST_WAYS = 250
LEAST_RATE = 0.1


@dataclass(frozen=True)
class Outlook:
    """`rates[i, k]` requests/s in the k-th piece of time from now, in way i; weights sum to 1."""

    rates: Array
    weights: Array


def outlook(state: ScalingState, rate: float, pieces: int) -> Outlook:
    """The ways that demand may go from `rate` requests/s, over so many pieces of time."""
    rate = max(rate, LEAST_RATE)
    spread = np.exp(PRIOR_SPREAD * np.linspace(-1.6, 1.6, PRIOR_WAYS))
    ways = np.repeat(spread[:, None], pieces, axis=1)
    weights = np.full(PRIOR_WAYS, PRIOR_WEIGHT / PRIOR_WAYS)
    if len(state.bins) > pieces:
        came = np.lib.stride_tricks.sliding_window_view(np.array(state.bins), pieces)[1:]
        thought = np.maximum(np.array(state.estimates[: len(came)]), LEAST_RATE)
        usable = ~np.isnan(thought) & ~np.isnan(came).any(axis=1)
        came, thought = came[usable], thought[usable]
        likeness = np.exp(-0.5 * (np.log(thought / rate) / LIKENESS) ** 2) + UNLIKE_WEIGHT
        if len(came) > MOST_WAYS:
            # Every third moment or so: neighbours say the same.
            chosen = np.linspace(0, len(came) - 1, MOST_WAYS).astype(np.int64)
            factor = len(came) / MOST_WAYS
            came, thought, likeness = came[chosen], thought[chosen], likeness[chosen] * factor
        ways = np.concatenate((came / thought[:, None], ways))
        weights = np.concatenate((likeness, weights))
    return Outlook(ways * rate, weights / math.fsum(weights))
