"""Whether the metrics can be believed, and what may be done without them."""

from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.observation import Observation

STALE_TICKS = 3.0
MOST_STALE_SECONDS = 30.0
"""However seldom metrics come: of what is older nobody knows whether it still holds."""
LOST_SECONDS = 60.0
ENOUGH_REPORT = 0.8
"""Of the ready replicas. However few did not, they are taken to be like the others."""


def freshness(observation: Observation, tick_seconds: float) -> MetricsFreshness:
    """How good the metrics of this look are.

    Partial metrics raise replicas and never lower them; stale ones hold; lost ones bring back the
    most of the last quarter of an hour. An absent metric is never taken for a zero.
    """
    age = observation.metrics_age_seconds
    if age > LOST_SECONDS:
        return MetricsFreshness.LOST
    stale = min(MOST_STALE_SECONDS, max(5.0, STALE_TICKS * tick_seconds))
    if observation.traffic is None or age > stale:
        return MetricsFreshness.STALE
    if observation.reporting < ENOUGH_REPORT * observation.ready:
        return MetricsFreshness.PARTIAL
    return MetricsFreshness.FRESH
