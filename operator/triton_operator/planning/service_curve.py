"""How long one instance of a replica takes for a batch, by the batch's size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

GRID = 0.02
"""Steps of 2 %: the error is at most half of it, less than what a curve is off anyway."""
TIGHTEST_SECONDS = 1e-5
"""A batch takes at least this long: a curve through zero would promise an infinite rate."""


class BatchTimes(Protocol):
    """What the queue model needs to know of a replica."""

    @property
    def max_batch_size(self) -> int:
        """Requests of the largest batch."""

    @property
    def instances(self) -> int:
        """Batches that run beside each other."""

    @property
    def capacity(self) -> float:
        """Requests per second of one replica that never waits for any."""

    def seconds(self, batch_size: float) -> float:
        """Seconds for a batch of that size; no less than for any smaller one."""


@dataclass(frozen=True)
class ServiceCurve:
    """`seconds(b) = base_seconds + per_request_seconds * b`, for batches of up to `max_batch_size`.

    `instances` of the model run beside each other in one replica, and the seconds are those with
    all of them busy. A straight line fits what Triton's backends do within a few percent over the
    sizes that matter, and needs two numbers only.
    """

    base_seconds: float
    per_request_seconds: float
    max_batch_size: int
    instances: int = 1

    def seconds(self, batch_size: float) -> float:
        """Seconds for a batch of that size."""
        return max(TIGHTEST_SECONDS, self.base_seconds + self.per_request_seconds * batch_size)

    @property
    def capacity(self) -> float:
        """Requests per second of one replica that never waits for any."""
        return self.instances * self.max_batch_size / self.seconds(self.max_batch_size)

    def slower_by(self, factor: float) -> ServiceCurve:
        """The curve of a replica that takes `factor` times as long for everything."""
        return ServiceCurve(
            self.base_seconds * factor,
            self.per_request_seconds * factor,
            self.max_batch_size,
            self.instances,
        )

    def at_most(self, rate: float) -> ServiceCurve:
        """The curve of a replica of which something else than its batches bounds the rate: each
        request takes so much longer that full batches do no more than `rate` requests/s."""
        if self.capacity <= rate:
            return self
        full = self.instances * self.max_batch_size / rate
        each = (full - self.base_seconds) / self.max_batch_size
        return ServiceCurve(self.base_seconds, each, self.max_batch_size, self.instances)


def rounded(curve: ServiceCurve) -> ServiceCurve:
    """The curve with both of its numbers on a grid of `GRID`.

    The queue of a curve takes long to solve and is remembered: services that run the same model
    are then one curve, as they should be.
    """
    return ServiceCurve(
        _on_grid(curve.base_seconds),
        _on_grid(curve.per_request_seconds),
        curve.max_batch_size,
        curve.instances,
    )


def _on_grid(seconds: float) -> float:
    if seconds < TIGHTEST_SECONDS:
        return 0.0
    return math.exp(round(math.log(seconds) / GRID) * GRID)


@dataclass(frozen=True)
class BatchSums:
    """Weighted sums over measured batches, from which the line is fitted; they only ever add up.

    `weight`, `size`, `size_squared`, `seconds`, `size_seconds` are sums over executions of 1, b,
    b², s and b·s, for a batch of b requests that took s seconds.
    """

    weight: float = 0.0
    size: float = 0.0
    size_squared: float = 0.0
    seconds: float = 0.0
    size_seconds: float = 0.0

    def faded(self, factor: float) -> BatchSums:
        """The sums with every earlier batch counting only `factor` times as much."""
        return BatchSums(
            self.weight * factor,
            self.size * factor,
            self.size_squared * factor,
            self.seconds * factor,
            self.size_seconds * factor,
        )

    def with_batches(self, rows: Iterable[tuple[float, float, float]]) -> BatchSums:
        """The sums with more batches: rows of (batch size, executions, seconds of all of them)."""
        weight, size, squared = self.weight, self.size, self.size_squared
        seconds, crossed = self.seconds, self.size_seconds
        for batch_size, executions, total in rows:
            weight += executions
            size += executions * batch_size
            squared += executions * batch_size * batch_size
            seconds += total
            crossed += total * batch_size
        return BatchSums(weight, size, squared, seconds, crossed)


def fitted(
    sums: BatchSums, prior: ServiceCurve | None, max_batch_size: int, instances: int
) -> ServiceCurve | None:
    """The line of least squares through the measured batches, both of its numbers at least 0.

    Where only one size was seen, the slope cannot be known: it is the prior's share of the whole,
    or without a prior the cautious one, a line through zero, by which larger batches win nothing.
    None: nothing was measured.
    """
    if sums.weight <= 0:
        return None
    mean_size = sums.size / sums.weight
    mean_seconds = sums.seconds / sums.weight
    variance = sums.size_squared / sums.weight - mean_size**2
    if variance > 1e-3 * mean_size**2:
        slope = (sums.size_seconds / sums.weight - mean_size * mean_seconds) / variance
    elif prior is not None:
        slope = prior.per_request_seconds * mean_seconds / prior.seconds(mean_size)
    else:
        slope = mean_seconds / mean_size
    slope = min(max(0.0, slope), mean_seconds / mean_size)
    return ServiceCurve(mean_seconds - slope * mean_size, slope, max_batch_size, instances)


def batches_between(
    before: Mapping[int, tuple[float, float]], after: Mapping[int, tuple[float, float]]
) -> list[tuple[int, float, float]]:
    """What ran between two readings of Triton's batch statistics of one pod.

    Readings are batch size → (executions, seconds in all). A counter that went down belongs to a
    new process, and counts from zero. Rows are as `BatchSums.with_batches` takes them.
    """
    rows = []
    for size, (executions, seconds) in after.items():
        earlier_executions, earlier_seconds = before.get(size, (0.0, 0.0))
        if executions < earlier_executions or seconds < earlier_seconds:
            earlier_executions, earlier_seconds = 0.0, 0.0
        if executions > earlier_executions:
            rows.append((size, executions - earlier_executions, seconds - earlier_seconds))
    return rows
