"""KEDA's Prometheus scaler: from one replica on, an HPA that asks KEDA for the value of a query.

Without `ignoreNullValues: false` (a default of true), no data is the value 0: a lost scrape looks
like no load. A query that fails is an error, and the HPA holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.autoscaling.policies.horizontal import (
    FIRST_SECONDS,
    SYNC_SECONDS,
    Behaviour,
    average_of_total,
    value,
)
from bench.autoscaling.view import View

WINDOW_SECONDS = 60


@dataclass
class Keda:
    """A ScaledObject with one trigger; the kinds below say which."""

    threshold: float
    period: float = SYNC_SECONDS
    _behaviour: Behaviour = field(default_factory=Behaviour)

    def target(self, view: View) -> int:
        """Every 15 s, as the HPA syncs."""
        replicas = view.ordered
        if view.now < FIRST_SECONDS or not view.answers:
            return replicas
        wanted = self._wanted(view, replicas)
        return self._behaviour.settle(view.now, max(1, wanted), replicas)

    def _wanted(self, view: View, replicas: int) -> int:
        raise NotImplementedError


class RequestsPerSecond(Keda):
    """Completions per second over a minute; `threshold` of them per replica."""

    def _wanted(self, view: View, replicas: int) -> int:
        return average_of_total(view.completions(WINDOW_SECONDS) or 0.0, self.threshold, replicas)


class Pending(Keda):
    """The gauge of waiting requests; `threshold` of them per replica."""

    def _wanted(self, view: View, replicas: int) -> int:
        return average_of_total(float(view.pending or 0), self.threshold, replicas)


class Percentile(Keda):
    """p99 of the last minute against `threshold` seconds, as a Value.

    Too few answers hold the number. That is kinder than NaN, which is 0 to KEDA.
    """

    def _wanted(self, view: View, replicas: int) -> int:
        seconds = view.percentile(0.99, WINDOW_SECONDS)
        if seconds is None:
            return replicas if view.reporting else 0
        return value(seconds, self.threshold, replicas, view.ready)
