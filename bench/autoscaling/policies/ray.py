"""Ray Serve's autoscaling, on ongoing requests."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.autoscaling.view import View

WINDOW_SECONDS = 30
PUSH_SECONDS = 10
UP_SECONDS, DOWN_SECONDS = 30.0, 600.0


@dataclass
class Ongoing:
    """`ongoing` requests per replica; up after 30 s of asking for it, down after ten minutes.

    Its loop runs ten times a second; every second is as good with values that come every 10 s.
    """

    ongoing: float
    period: float = 1.0
    _total: float | None = None
    _direction: int = 0
    _since: float = 0.0

    def target(self, view: View) -> int:
        """Every second; no data: what was pushed last counts."""
        if int(view.now) % PUSH_SECONDS == 0:
            total = view.held(WINDOW_SECONDS)
            self._total = self._total if total is None else total
        if self._total is None:
            return view.ordered
        return self.scale(self._total, view.ordered, view.now)

    def scale(self, total: float, replicas: int, now: float) -> int:
        """The number wanted, for that many ongoing requests."""
        wanted = math.ceil(total / self.ongoing - 1e-9)
        direction = (wanted > replicas) - (wanted < replicas)
        if direction != self._direction:
            self._direction, self._since = direction, now
        if direction == 0:
            return replicas
        if now - self._since < (UP_SECONDS if direction > 0 else DOWN_SECONDS):
            return replicas
        self._direction = 0
        return max(1, wanted)
