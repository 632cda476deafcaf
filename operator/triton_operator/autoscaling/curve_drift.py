"""How far batches in production are from what a profile says of them.

Every batch is compared with the profile's time for its size, so it does not matter which sizes the
traffic makes. Newer batches count more, as in the curve that is learned from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.autoscaling.curve_memory import HALF_LIFE_SECONDS
from triton_operator.planning.measured_curve import MeasuredCurve

DRIFTED = 0.25
SETTLED = 0.20
"""Off by more, a profile is called drifted; off by less, it is not any more."""
ENOUGH_EXECUTIONS = 200.0
"""Four times what a curve is learned from: this is told to people."""


@dataclass(frozen=True)
class DriftMemory:
    """Sums over batches as of `time`: how many, the seconds that they took, and those that
    `profile` says of such batches."""

    profile: MeasuredCurve | None = None
    executions: float = 0.0
    seconds: float = 0.0
    expected_seconds: float = 0.0
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
    return DriftMemory(
        profile,
        memory.executions * factor + sum(executions for _, executions, _ in rows),
        memory.seconds * factor + sum(seconds for _, _, seconds in rows),
        memory.expected_seconds * factor
        + sum(executions * profile.seconds(size) for size, executions, _ in rows),
        time,
    )


def drift(memory: DriftMemory) -> float | None:
    """0.4: batches take 40 % longer than the profile says; None: too few were seen, or no profile.

    A profile's times are with all instances busy. One that is alone is faster, so with several
    only slower batches are told.
    """
    if memory.profile is None or memory.executions < ENOUGH_EXECUTIONS:
        return None
    found = memory.seconds / memory.expected_seconds - 1
    return found if memory.profile.instances == 1 else max(0.0, found)


def is_drifted(found: float | None, before: bool) -> bool:
    """Whether that is told; `before`: it was told already."""
    if found is None:
        return before
    bound = SETTLED if before else DRIFTED
    # Faster by as large a factor; a pod that says that it took no time at all is drifted too.
    return found > bound or (1 + found) * (1 + bound) < 1
