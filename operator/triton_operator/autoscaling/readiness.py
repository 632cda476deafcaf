"""When replicas that are ordered become ready: the part of them that has, by the time since."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PRIOR_SPREAD = 0.35
"""Standard deviation of the logarithm of a start's seconds, before starts were seen."""
PRIOR_STARTS = 4.0
LEAD_PERCENTILE = 0.9
"""Of the starts, those that `Observation.lead_seconds` is kept by."""


def ready_parts(starts: Sequence[float], lead_seconds: float, ends: Array) -> Array:
    """The part of what is ordered now that is ready so many seconds from now.

    Starts are taken as lognormal, with the spread of those that were seen; nine of ten keep
    `lead_seconds`.
    """
    logs = [math.log(max(0.1, one)) for one in starts]
    middle = sum(logs) / len(logs) if logs else 0.0
    squares = sum((one - middle) ** 2 for one in logs)
    spread = math.sqrt((PRIOR_STARTS * PRIOR_SPREAD**2 + squares) / (PRIOR_STARTS + len(logs)))
    law = NormalDist(
        math.log(lead_seconds) - NormalDist().inv_cdf(LEAD_PERCENTILE) * spread, spread
    )
    parts = [law.cdf(math.log(end)) if end > 0 else 0.0 for end in ends.tolist()]
    return np.array(parts)
