"""HPA on the mean queue time, as Triton's own chart configures it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.autoscaling.policies.horizontal import FIRST_SECONDS, SYNC_SECONDS, Behaviour, pods
from bench.autoscaling.view import View

WINDOW_SECONDS = 30


@dataclass
class QueueTime:
    """Pods metric `delta(queue_duration[30s]) / (1 + delta(success[30s]))`, mean over pods."""

    target_seconds: float
    period: float = SYNC_SECONDS
    _behaviour: Behaviour = field(default_factory=Behaviour)

    def target(self, view: View) -> int:
        """Every 15 s; no metric: the number stays."""
        replicas = view.ordered
        mean = view.queue_seconds(WINDOW_SECONDS)
        if view.now < FIRST_SECONDS or mean is None or not view.reporting:
            return replicas
        wanted = pods(mean, self.target_seconds, replicas, view.ready, view.reporting)
        return self._behaviour.settle(view.now, wanted, replicas)
