"""The rules of Kubernetes' HorizontalPodAutoscaler (autoscaling/v2) with its default behaviour."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

SYNC_SECONDS = 15.0
FIRST_SECONDS = 30.0
"""Initial readiness delay: nothing is decided before."""
TOLERANCE = 0.1
STABILISATION_SECONDS = 300.0
"""Of the way down; there is none on the way up."""
UP_SECONDS, UP_REPLICAS, UP_FACTOR = 15.0, 4, 2


def _tolerated(ratio: float) -> bool:
    return abs(1 - ratio) <= TOLERANCE + 1e-9


def _ceil(number: float) -> int:
    # 3.0000000000000004 replicas are three.
    return math.ceil(number - 1e-9)


def average_of_total(total: float, target: float, replicas: int) -> int:
    """External or Object metric with AverageValue: so many that each has `target` of the total."""
    if _tolerated(total / (target * max(1, replicas))):
        return replicas
    return _ceil(total / target)


def value(metric: float, target: float, replicas: int, ready: int) -> int:
    """External or Object metric with Value: ready replicas times how far off the metric is."""
    ratio = metric / target
    return replicas if _tolerated(ratio) else _ceil(ratio * ready)


def pods(mean: float, target: float, replicas: int, ready: int, reporting: int) -> int:
    """Pods metric: the mean over the pods that report one.

    A ready pod without a metric counts as what changes least: the target on the way down, 0 on the
    way up. A pod that is not ready counts as 0 on the way up. Where that turns the direction,
    nothing is done.
    """
    ratio = mean / target
    silent, unready = ready - reporting, replicas - ready
    up = ratio > 1
    if not silent and not (up and unready):
        return replicas if _tolerated(ratio) else _ceil(ratio * ready)
    counted = ready + (unready if up else 0)
    total = mean * reporting + (0.0 if up else target * silent)
    new = total / (target * counted)
    if _tolerated(new):
        return replicas
    wanted = _ceil(new * counted)
    return replicas if (wanted > replicas) != up else wanted


@dataclass
class Behaviour:
    """What bounds the number that the metric asks for."""

    _recommendations: list[tuple[float, int]] = field(default_factory=list)
    _ups: list[tuple[float, int]] = field(default_factory=list)

    def settle(self, now: float, wanted: int, replicas: int) -> int:
        """Down to the largest number of the last five minutes; up by 4 or 100 % in 15 s."""
        self._recommendations = [
            (at, number)
            for at, number in [*self._recommendations, (now, wanted)]
            if now - at <= STABILISATION_SECONDS
        ]
        if wanted < replicas:
            return min(replicas, max(number for _, number in self._recommendations))
        if wanted > replicas:
            self._ups = [(at, more) for at, more in self._ups if now - at < UP_SECONDS]
            before = replicas - sum(more for _, more in self._ups)
            most = max(before + UP_REPLICAS, UP_FACTOR * before)
            # What was added before the limit fell stays.
            wanted = max(replicas, min(wanted, most))
            self._ups.append((now, wanted - replicas))
        return wanted
