"""How far batches in production are from what a profile says of them.

Every batch is compared with the profile's time for its size, so it does not matter which sizes the
traffic makes. Sizes that come often are looked at by themselves too: large batches that are slower
and small ones that are faster would make up for each other. Newer batches count more, as in the
curve that is learned from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from triton_operator.autoscaling.curve_memory import HALF_LIFE_SECONDS
from triton_operator.planning.measured_curve import MeasuredCurve

DRIFTED = 0.25
SETTLED = 0.20
"""Off by more, a profile is called drifted; off by less, it is not any more."""
ENOUGH_EXECUTIONS = 200.0
"""Four times what a curve is learned from: this is told to people. Of one size, or of all."""


_FORGOTTEN = 0.01
"""Executions of which nothing is left: a size that does not come any more."""


@dataclass(frozen=True)
class SizeDrift:
    """Batches of one size: seconds that they took in the mean, and those that the profile says."""

    batch_size: int
    seconds: float
    expected_seconds: float

    @property
    def off(self) -> float:
        """0.4: 40 % longer."""
        return self.seconds / self.expected_seconds - 1


@dataclass(frozen=True)
class Drift:
    """How far batches are from `profile`: over all of them, and of each size that came often."""

    profile: MeasuredCurve
    overall: float
    sizes: tuple[SizeDrift, ...] = ()

    @property
    def most(self) -> float:
        """Of all that is known, what is furthest off."""
        found = (self.overall, *(one.off for one in self.sizes))
        return max(found, key=_distance)


@dataclass(frozen=True)
class DriftMemory:
    """Sums as of `time`, by batch size: how many were executed, and the seconds that they took."""

    profile: MeasuredCurve | None = None
    sizes: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    time: float | None = None


def with_batches(
    memory: DriftMemory,
    profile: MeasuredCurve | None,
    time: float,
    rows: Sequence[tuple[int, float, float]],
) -> DriftMemory:
    """The memory after more batches: rows of (batch size, executions, seconds of all of them).

    Another profile begins anew.
    """
    if profile is None:
        return DriftMemory()
    if profile != memory.profile:
        memory = DriftMemory(profile)
    passed = max(0.0, time - memory.time) if memory.time is not None else 0.0
    factor = 0.5 ** (passed / HALF_LIFE_SECONDS)
    sizes = {
        size: (executions * factor, seconds * factor)
        for size, (executions, seconds) in memory.sizes.items()
        if executions * factor > _FORGOTTEN
    }
    for size, executions, seconds in rows:
        before = sizes.get(size, (0.0, 0.0))
        sizes[size] = (before[0] + executions, before[1] + seconds)
    return DriftMemory(profile, sizes, time)


def drift(memory: DriftMemory) -> Drift | None:
    """How far batches are from the profile; None: too few were seen, or there is no profile.

    A profile's times are with all instances busy. One that is alone is faster, so with several
    only slower batches are told.
    """
    profile = memory.profile
    if profile is None or sum(count for count, _ in memory.sizes.values()) < ENOUGH_EXECUTIONS:
        return None
    expected = sum(count * profile.seconds(size) for size, (count, _) in memory.sizes.items())
    overall = sum(seconds for _, seconds in memory.sizes.values()) / expected - 1
    sizes = [
        SizeDrift(size, seconds / count, profile.seconds(size))
        for size, (count, seconds) in sorted(memory.sizes.items())
        if count >= ENOUGH_EXECUTIONS
    ]
    if profile.instances > 1:
        overall = max(0.0, overall)
        sizes = [one for one in sizes if one.off >= 0]
    return Drift(profile, overall, tuple(sizes))


def is_drifted(found: Drift | None, before: bool) -> bool:
    """Whether that is told; `before`: it was told already, of the same profile."""
    if found is None:
        return before
    # Faster by as large a factor; a pod that says that it took no time at all is drifted too.
    return _distance(found.most) > 1 + (SETTLED if before else DRIFTED)


def _distance(off: float) -> float:
    """The factor between both, at least 1."""
    factor = 1 + off
    if factor <= 0:
        return math.inf
    return max(factor, 1 / factor)
