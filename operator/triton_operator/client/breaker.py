"""Whether it is worth while to ask an endpoint that did not answer lately.

```
Closed --silences in a row--> Open --after a while--> HalfOpen --an answer--> Closed
                                                      HalfOpen --silence--> Open, for twice as long
```
Half open, one request at a time finds out; all others are asked elsewhere first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum


class BreakerState(StrEnum):
    """What is made of the last answers."""

    CLOSED = "Closed"
    OPEN = "Open"
    HALF_OPEN = "HalfOpen"


@dataclass(frozen=True)
class BreakerSettings:
    """`jitter`: up to this part is added to a pause, or all clients of a site would come back to an
    endpoint at once."""

    silences_to_open: int = 3
    open_seconds: float = 2.0
    longest_open_seconds: float = 60.0
    jitter: float = 0.25


DEFAULT = BreakerSettings()


@dataclass(frozen=True)
class Breaker:
    """Of one endpoint. Times are of a clock that never goes back, in seconds.

    `silences` and `openings` in a row, since the last answer. `open_until`: end of the pause.
    `probe_until`: when the request that finds out is over at the latest, so that one whose caller
    is gone does not keep the breaker half open for ever.
    """

    silences: int = 0
    openings: int = 0
    open_until: float = -math.inf
    probe_until: float = -math.inf

    def state(self, now: float) -> BreakerState:
        """At this time."""
        if self.openings == 0:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self.open_until else BreakerState.HALF_OPEN

    def admits(self, now: float) -> bool:
        """Whether a request that could be asked elsewhere may be asked here."""
        state = self.state(now)
        if state is BreakerState.HALF_OPEN:
            return now >= self.probe_until
        return state is BreakerState.CLOSED

    def begun(self, now: float, budget_seconds: float) -> Breaker:
        """After a request was sent that has this long."""
        if self.state(now) is not BreakerState.HALF_OPEN:
            return self
        return replace(self, probe_until=max(self.probe_until, now + budget_seconds))

    def answered(self) -> Breaker:
        """After an answer of any kind."""
        return Breaker()

    def silent(self, now: float, chance: float, settings: BreakerSettings = DEFAULT) -> Breaker:
        """After an attempt without an answer; `chance` in [0, 1) is drawn by the caller.

        What ends in silence while it is open began before, and says nothing new.
        """
        silences = self.silences + 1
        state = self.state(now)
        if state is BreakerState.OPEN or (
            state is BreakerState.CLOSED and silences < settings.silences_to_open
        ):
            return replace(self, silences=silences)
        pause = min(
            settings.open_seconds * 2.0 ** min(self.openings, 32), settings.longest_open_seconds
        )
        return Breaker(silences, self.openings + 1, now + pause * (1.0 + settings.jitter * chance))
