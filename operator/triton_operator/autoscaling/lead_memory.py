"""How long a replica takes from its order to its first request, by the last starts."""

from __future__ import annotations

import math
from dataclasses import dataclass

KEPT_STARTS = 20
PERCENTILE = 0.9
PRIOR_SECONDS = 60.0
"""Before any start was seen, and no `startSeconds` of a pool says more: image, model, warm-up."""
LONGEST_SECONDS = 1800.0
"""A pod that became ready later than this waited for something to be repaired. The lead is how far
demand is looked ahead and how long replicas stay: a few such pods would hold both for hours."""


@dataclass(frozen=True)
class Start:
    """One start of a pod: `pod` is its uid, the seconds are from created to ready."""

    pod: str
    seconds: float


@dataclass(frozen=True)
class LeadMemory:
    """The last starts, the newest last."""

    starts: tuple[Start, ...] = ()


def with_start(memory: LeadMemory, pod: str, seconds: float) -> LeadMemory:
    """The memory with a start; each pod's first one counts, so it may be told again and again.

    Times that cannot be a start's (clocks of two machines, pods that were repaired) are left out.
    """
    known = any(start.pod == pod for start in memory.starts)
    if known or not 0 < seconds <= LONGEST_SECONDS:
        return memory
    return LeadMemory((*memory.starts, Start(pod, seconds))[-KEPT_STARTS:])


def lead_seconds(memory: LeadMemory, start_seconds: float | None = None) -> float:
    """The time that nine of ten starts keep; before the first one the pool's word, or a guess.

    Between two starts it is interpolated, so that one slow start of few does not become the rule
    by itself.
    """
    if not memory.starts:
        return PRIOR_SECONDS if start_seconds is None else float(start_seconds)
    ordered = sorted(start.seconds for start in memory.starts)
    place = PERCENTILE * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
