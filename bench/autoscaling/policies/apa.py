"""AIBrix' pod autoscaler (APA), on requests in flight."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bench.autoscaling.view import View

WINDOW_SECONDS = 180
TOLERANCE = 0.1
MOST_UP, MOST_DOWN = 2.0, 2.0
STABILISATION_SECONDS = 300.0


@dataclass
class Concurrency:
    """`in_flight` requests per replica, by the mean over three minutes; down after five.

    The mean of the whole fleet is spread over those that are ready now: a mean of every second's
    own quotient would remember the overload before new replicas came, and order more.
    """

    in_flight: float
    period: float = 10.0
    _wanted: list[tuple[float, int]] = field(default_factory=list)

    def target(self, view: View) -> int:
        """Every 10 s; no data: the number stays."""
        total = view.held(WINDOW_SECONDS)
        if total is None or not view.reporting:
            return view.ordered
        return self.scale(total / view.reporting, view.ordered, view.now)

    def scale(self, mean: float, replicas: int, now: float) -> int:
        """The number wanted, for that mean in flight per replica."""
        ratio = mean / self.in_flight
        wanted = replicas
        if ratio > 1 + TOLERANCE:
            wanted = min(math.ceil(MOST_UP * replicas), math.ceil(replicas * ratio - 1e-9))
        elif ratio < 1 - TOLERANCE:
            wanted = max(int(replicas // MOST_DOWN), math.ceil(replicas * ratio - 1e-9))
        self._wanted = [
            (at, number)
            for at, number in [*self._wanted, (now, wanted)]
            if now - at <= STABILISATION_SECONDS
        ]
        if wanted < replicas:
            wanted = min(replicas, max(number for _, number in self._wanted))
        return max(1, wanted)
