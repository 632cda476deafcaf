"""Times of a profile as production showed them: all ways to run, by one ratio for each batch size.

What makes batches slower (other inputs, other neighbours on the node) does so however the model
runs. If only the way that runs were corrected, a plan would leave it for another one of which
nobody has seen yet how slow it is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.api.model_profile import BatchLatency, Measurement
from triton_operator.planning.measurements import on_hardware_of
from triton_operator.planning.pools import Pool

_DIGITS = 6
_MOST_TOLD = 8


@dataclass(frozen=True)
class CurveRatio:
    """`points` are (batch size, time in production / time in the profile), the smallest size first,
    at least one; lines between them, and beyond them as at the nearest."""

    points: tuple[tuple[int, float], ...]

    def at(self, batch_size: int) -> float:
        """The ratio for batches of that size."""
        above = bisect_left([size for size, _ in self.points], batch_size)
        if above == len(self.points):
            return self.points[-1][1]
        high, high_ratio = self.points[above]
        if above == 0 or high == batch_size:
            return high_ratio
        low, low_ratio = self.points[above - 1]
        return low_ratio + (high_ratio - low_ratio) * (batch_size - low) / (high - low)

    def times(self, other: CurveRatio) -> CurveRatio:
        """Both, one after the other."""
        sizes = sorted({size for size, _ in (*self.points, *other.points)})
        return CurveRatio(tuple((size, self.at(size) * other.at(size)) for size in sizes))

    def of(self, row: Measurement) -> Measurement:
        """The row with the times that production shows."""
        latency = [
            BatchLatency(
                batch_size=one.batch_size,
                milliseconds=_text(float(one.milliseconds) * self.at(one.batch_size)),
            )
            for one in row.latency
        ]
        return row.model_copy(update={"latency": latency})


def as_in_production(
    measurements: Sequence[Measurement], pool: Pool, ratio: CurveRatio | None
) -> list[Measurement]:
    """The rows with the ratio, where they are of that pool's hardware."""
    if ratio is None:
        return list(measurements)
    here = {id(row) for row in on_hardware_of(pool, measurements)}
    return [ratio.of(row) if id(row) in here else row for row in measurements]


def drift_reason(ratio: CurveRatio) -> str:
    """That it counts, with the sizes: `1: +5 %, 8: +60 %`."""
    told = [f"{size}: {100 * (one - 1):+.0f} %" for size, one in ratio.points]
    more = [f"{len(told) - _MOST_TOLD} more sizes"] if len(told) > _MOST_TOLD else []
    return (
        "batches count as production showed them when pods were last replaced, beside the "
        f"ModelProfile: {', '.join([*told[:_MOST_TOLD], *more])}"
    )


def _text(value: float) -> str:
    return f"{value:.{_DIGITS}f}"
