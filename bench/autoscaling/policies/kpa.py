"""Knative's pod autoscaler (KPA), on requests in flight."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.autoscaling.view import View

STABLE_SECONDS, PANIC_SECONDS = 60, 6
PANIC_THRESHOLD = 2.0
MOST_UP, MOST_DOWN = 1000.0, 2.0


@dataclass
class Concurrency:
    """`in_flight` requests per replica: the target after utilisation (0.70 x concurrency).

    The pods that are starting count for nothing, and there is no lead for a cold start. All pods
    are looked at, not a sample of them.
    """

    in_flight: float
    period: float = 2.0
    _started: bool = False
    _panic_at: float | None = None
    _most: int = 0

    def target(self, view: View) -> int:
        """Every 2 s; no data: the number stays."""
        stable, panic = view.held(STABLE_SECONDS), view.held(PANIC_SECONDS)
        if stable is None or panic is None or not view.reporting:
            return view.ordered
        # The mean of those that report stands for all.
        everybody = view.ready / view.reporting
        return self.scale(stable * everybody, panic * everybody, view.ready, view.now)

    def scale(self, stable: float, panic: float, ready: int, now: float) -> int:
        """The number wanted, for the mean total in flight over 60 and 6 s."""
        ready = max(1, ready)
        if not self._started:
            self._started = True
            if ready > 1:
                # It has no history after a start, and does not trust what it sees first.
                self._panic_at, self._most = now, ready
        least, most = ready // int(MOST_DOWN), math.ceil(MOST_UP * ready)
        by_stable = math.ceil(stable / self.in_flight - 1e-9)
        by_panic = math.ceil(panic / self.in_flight - 1e-9)
        if by_panic / ready >= PANIC_THRESHOLD:
            self._panic_at = now
        elif self._panic_at is not None and now - self._panic_at > STABLE_SECONDS:
            self._panic_at, self._most = None, 0
        by_stable = min(max(by_stable, least), most)
        if self._panic_at is None:
            return max(1, by_stable)
        self._most = max(self._most, by_stable, min(max(by_panic, least), most))
        return max(1, self._most)
