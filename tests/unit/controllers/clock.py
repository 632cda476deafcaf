"""A clock that only moves when a test says so, and an event loop's way of letting others run."""

import asyncio
import heapq
import itertools
from collections.abc import Callable


class Clock:
    """Seconds; `call_later` is the event loop's, run by `advance`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._order), callback))

    def advance(self, seconds: float) -> None:
        """Let time pass, and run what falls due, in order."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            self.now, _, callback = heapq.heappop(self._due)
            callback()
        self.now = end

    def waits(self) -> list[float]:
        """Seconds until everything that is still to come, soonest first."""
        return sorted(due - self.now for due, _, _ in self._due)


async def settle() -> None:
    """Let every task run until it waits for something that is not there yet."""
    for _ in range(20):
        await asyncio.sleep(0)
