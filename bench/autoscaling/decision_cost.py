"""What one decision of ours costs, in CPU time of the thread that decides."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from triton_operator.planning.queue_model import tails

STEPS_PER_MILLISECOND = 20
"""Times are rounded up to a twentieth of a millisecond: so few numbers are kept of a long run."""
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class DecisionCost:
    """Milliseconds → how many decisions took them.

    `cold` are those for which the queue of a service curve had to be solved first, which is then
    remembered; `warm` all others.
    """

    warm: Mapping[float, int] = field(default_factory=dict)
    cold: Mapping[float, int] = field(default_factory=dict)

    @property
    def warm_p99(self) -> float | None:
        """Milliseconds; None: there was no decision."""
        left = math.ceil(0.99 * sum(self.warm.values()))
        for milliseconds, many in sorted(self.warm.items()):
            left -= many
            if left <= 0:
                return milliseconds
        return None

    @property
    def slowest_cold(self) -> float | None:
        """Milliseconds; None: there was none."""
        return max(self.cold, default=None)

    def line(self) -> dict[str, float | int | None]:
        """For the last line of the output."""
        return {
            "warm_p99_ms": self.warm_p99,
            "slowest_cold_ms": self.slowest_cold,
            "warm": sum(self.warm.values()),
            "cold": sum(self.cold.values()),
        }


class Stopwatch:
    """Times decisions, one after the other."""

    def __init__(self) -> None:
        self._warm: Counter[float] = Counter()
        self._cold: Counter[float] = Counter()

    def time(self, decide: Callable[[], Answer]) -> Answer:
        """What `decide` gives, with the time that it took kept."""
        solved, began = tails.cache_info().misses, time.thread_time()
        answer = decide()
        took = 1000 * (time.thread_time() - began)
        cold = tails.cache_info().misses > solved
        rounded = math.ceil(took * STEPS_PER_MILLISECOND) / STEPS_PER_MILLISECOND
        (self._cold if cold else self._warm)[rounded] += 1
        return answer

    @property
    def cost(self) -> DecisionCost:
        """Of all decisions so far."""
        return DecisionCost(dict(self._warm), dict(self._cold))


def together(costs: Iterable[DecisionCost]) -> DecisionCost:
    """Of all of them."""
    warm: Counter[float] = Counter()
    cold: Counter[float] = Counter()
    for one in costs:
        warm.update(one.warm)
        cold.update(one.cold)
    return DecisionCost(dict(warm), dict(cold))
