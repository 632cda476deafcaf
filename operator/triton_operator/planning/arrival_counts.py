"""How many requests arrive in a time: the law of a number, by its mean and its dispersion.

The dispersion is the variance over the mean: 1 for Poisson arrivals, more where they come in
bursts (a negative binomial law then).
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def counts(mean: float, dispersion: float, length: int) -> Array:
    """The law of a number of arrivals: P(0), P(1), … P(length - 1)."""
    if mean <= 0:
        nobody: Array = np.eye(1, length)[0]
        return nobody
    law: Array = count_laws(np.array([mean]), dispersion, length)[0]
    return law


def count_laws(
    means: Array, dispersion: float, length: int, starts: NDArray[np.int64] | None = None
) -> Array:
    """`counts` for several means, a row each, from its start (0) on."""
    if starts is None:
        starts = np.zeros(len(means), dtype=np.int64)
    numbers = starts[:, None] + np.arange(length)
    factorials = _log_factorials(int(starts.max()) + length)[numbers]
    means = np.maximum(means, 1e-300)
    if dispersion <= 1.0 + 1e-6:
        logs = numbers * np.log(means)[:, None] - means[:, None] - factorials
    else:
        # Failures before the r-th success, with r = mean / (dispersion - 1): variance as wanted.
        successes = means / (dispersion - 1.0)
        begun = [
            math.lgamma(one + start) - math.lgamma(one) if start else 0.0
            for one, start in zip(successes.tolist(), starts.tolist(), strict=True)
        ]
        rising = np.zeros(numbers.shape)
        np.cumsum(np.log(successes[:, None] + numbers[:, :-1]), axis=1, out=rising[:, 1:])
        logs = (
            rising
            + np.array(begun)[:, None]
            - factorials
            - successes[:, None] * math.log(dispersion)
            + numbers * math.log(1.0 - 1.0 / dispersion)
        )
    law: Array = np.exp(logs)
    return law


def _log_factorials(length: int) -> Array:
    """log 0!, log 1!, … log (length - 1)!"""
    # Few tables, whatever lengths are asked for; the batch is the user's, so no size is the last.
    return _log_factorials_table(1 << max(12, length.bit_length()))[:length]


@lru_cache(maxsize=16)
def _log_factorials_table(length: int) -> Array:
    table: Array = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1.0, float(length))))))
    return table
