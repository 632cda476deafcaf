"""What the queue model says of a replica's latency at its load, on a grid, so that it is cheap."""

from __future__ import annotations

import math
from functools import lru_cache

from triton_operator.planning.measured_curve import MeasuredCurve
from triton_operator.planning.queue_model import percentile_seconds
from triton_operator.planning.service_curve import ServiceCurve

Curve = ServiceCurve | MeasuredCurve

GRID = 0.02
"""Steps of the load: below 90 % of the capacity, less than the model's own error."""


def predicted_seconds(curve: Curve, rate: float, percentile: float = 0.99) -> float | None:
    """The percentile of latency at `rate` requests/s of one replica; None: its queue only grows.

    Every load is rounded up, and every answer is remembered.
    """
    step = math.ceil(rate / curve.capacity / GRID - 1e-9)
    if step * GRID >= 1.0:
        return None
    seconds = _at_step(curve, max(1, step), percentile)
    return seconds if math.isfinite(seconds) else None


@lru_cache(maxsize=4096)
def _at_step(curve: Curve, step: int, percentile: float) -> float:
    return percentile_seconds(curve, step * GRID * curve.capacity, percentile)
