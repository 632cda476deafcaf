"""What the spec asks of latencies."""

from triton_operator.api.enums import Percentile
from triton_operator.api.inference_service import (
    DEFAULT_LATENCY_MILLISECONDS,
    InferenceServiceSpec,
)

GIVEN_UP_AFTER_BOUNDS = 5
"""A request that waited five times the bound has been given up by its client."""
SHARES = {Percentile.P50: 0.5, Percentile.P90: 0.9, Percentile.P95: 0.95, Percentile.P99: 0.99}


def latency_bound_milliseconds(spec: InferenceServiceSpec) -> int:
    """The bound on the objective's percentile, stated or the default, in milliseconds."""
    latency = spec.objective.latency
    return latency.milliseconds if latency else DEFAULT_LATENCY_MILLISECONDS


def latency_percentile(spec: InferenceServiceSpec) -> Percentile:
    """Which percentile the bound is on."""
    latency = spec.objective.latency
    return latency.percentile if latency else Percentile.P99


def longest_request_seconds(spec: InferenceServiceSpec) -> int:
    """How long a request in flight may take before a shutdown stops waiting for it, in seconds."""
    bound = latency_bound_milliseconds(spec) * GIVEN_UP_AFTER_BOUNDS
    return max(5, -(-bound // 1000))
