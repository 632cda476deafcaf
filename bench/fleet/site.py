"""A simulated cluster: it scales itself within its bounds, and tells what reaches it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from bench.fleet.weather import STEP_SECONDS, Place

COLD_START_SECONDS = 60
SCALING_SECONDS = 15
FULL = 0.85
"""Of what its replicas do within the objective, its autoscaler wants to be used."""
SEEN_SECONDS = 30.0
KEPT_SECONDS = 300.0


@dataclass
class Site:
    """Loads in replicas. `floor`, `ceiling` are what it has applied; `arriving` is what reaches it,
    of its own clients and of others', as it has counted over some time."""

    place: Place
    floor: int = 0
    ceiling: int = 0
    ready: int = 1
    starting: deque[float] = field(default_factory=deque)
    arriving: float = 0.0
    _wanted: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def replicas(self) -> int:
        """Ready, and on their way."""
        return self.ready + len(self.starting)

    def begin(self, load: float) -> None:
        """It has been there for long, with that load."""
        self.ready = min(self.place.capacity, max(1, math.ceil(load / FULL)))
        self.arriving = load

    def step(self, now: float, load: float) -> float:
        """Serve for one step, and scale; what was not served in time of the load."""
        while self.starting and self.starting[0] <= now:
            self.starting.popleft()
            self.ready += 1
        part = 1.0 - math.exp(-STEP_SECONDS / SEEN_SECONDS)
        self.arriving += part * (load - self.arriving)
        if now % SCALING_SECONDS == 0:
            self._scale(now)
        return max(0.0, load - self.ready)

    def _scale(self, now: float) -> None:
        wanted = math.ceil(self.arriving / FULL - 1e-9)
        while self._wanted and self._wanted[-1][1] <= wanted:
            self._wanted.pop()
        self._wanted.append((now, wanted))
        while self._wanted[0][0] <= now - KEPT_SECONDS:
            self._wanted.popleft()
        target = max(1, self.floor, self._wanted[0][1])
        target = min(target, self.place.capacity, self.ceiling)
        while self.replicas < target:
            self.starting.append(now + COLD_START_SECONDS)
        while self.replicas > target:
            if self.starting:
                self.starting.pop()
            else:
                self.ready -= 1
