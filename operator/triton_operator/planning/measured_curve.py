"""How long batches take, as somebody measured or declared them: points, and lines between them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from triton_operator.planning.service_curve import (
    TIGHTEST_SECONDS,
    BatchSums,
    ServiceCurve,
    fitted,
)

Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class MeasuredCurve:
    """Seconds of a batch by its size, from `points` of (size, seconds), the smallest size first.

    Real curves bend (batches of 1, 2, 4, 8, 16 took 0.34, 0.44, 0.81, 1.64, 1.76 ms of a real
    Triton), so the points themselves count and not a line through all of them. Where nothing was
    measured the curve errs on the slow side: below the smallest size a batch takes as long as that,
    and above the largest one larger batches win nothing.

    `max_batch_size` and `instances` as in `ServiceCurve`.
    """

    points: Points
    max_batch_size: int
    instances: int = 1

    def seconds(self, batch_size: float) -> float:
        """Seconds for a batch of that size."""
        sizes = [size for size, _ in self.points]
        above = bisect_left(sizes, batch_size)
        if above == len(sizes):
            size, seconds = self.points[-1]
            return seconds * batch_size / size
        high, high_seconds = self.points[above]
        if above == 0 or high == batch_size:
            return high_seconds
        low, low_seconds = self.points[above - 1]
        return low_seconds + (high_seconds - low_seconds) * (batch_size - low) / (high - low)

    @property
    def capacity(self) -> float:
        """Requests per second of one replica that never waits for any."""
        return self.instances * self.max_batch_size / self.seconds(self.max_batch_size)

    @property
    def alone_seconds(self) -> float | None:
        """What a request takes that is alone; None: no batch of one was measured."""
        size, seconds = self.points[0]
        return seconds if size == 1 else None

    def up_to(self, max_batch_size: int) -> MeasuredCurve:
        """The same times, for batches of up to another size."""
        return MeasuredCurve(self.points, max_batch_size, self.instances)

    def line(self) -> ServiceCurve:
        """The line of least squares through the points that batches of up to this size meet."""
        ends = (self.max_batch_size, self.seconds(self.max_batch_size))
        met = [point for point in self.points if point[0] < ends[0]]
        rows = [(size, 1.0, seconds) for size, seconds in (*met, ends)]
        line = fitted(BatchSums().with_batches(rows), None, self.max_batch_size, self.instances)
        assert line is not None, "there is always the point of the largest batch"
        return line


def curve_through(
    milliseconds: Iterable[tuple[int, float]], max_batch_size: int, instances: int
) -> MeasuredCurve | None:
    """The curve through pairs of (batch size, milliseconds); None: there are none.

    A larger batch takes at least as long as a smaller one: a point below is noise, or padding.
    """
    points: list[tuple[int, float]] = []
    slowest = TIGHTEST_SECONDS
    for size, time in sorted(milliseconds):
        slowest = max(slowest, time / 1000)
        points.append((size, slowest))
    return MeasuredCurve(tuple(points), max_batch_size, instances) if points else None
