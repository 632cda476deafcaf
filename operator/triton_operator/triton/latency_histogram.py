"""The buckets of Triton's one histogram of latencies, laid around a service's objective.

Only a bucket that ends where the objective does tells how many requests met it. Triton's own end at
100, 500, 2000 and 5000 ms (core: metric_model_reporter.cc).
"""

from collections.abc import Sequence
from typing import Any

FAMILY = "nv_inference_first_response_histogram_ms"


def histogram_edges(objective_milliseconds: int) -> tuple[int, ...]:
    """The upper ends of the buckets in whole milliseconds, ascending, each once.

    Triton counts whole milliseconds, rounded down, so "less than the objective" is "at most the
    millisecond before it": that edge is the one that decisions read. The others show how far off
    the rest is. Edges that are equal, or out of order, would end the server (prometheus-cpp).
    """
    objective = objective_milliseconds
    quarters = {objective * quarter // 4 for quarter in (1, 2, 3, 6, 8, 16)}
    return tuple(sorted({*quarters, objective - 1}))


def add_histogram(config: Any, edges: Sequence[int]) -> None:
    """Give an `inference.ModelConfig` these buckets; none leaves it as it is."""
    if not edges:
        return
    control = config.model_metrics.metric_control.add()
    control.metric_identifier.family = FAMILY
    control.histogram_options.buckets.extend(edges)
