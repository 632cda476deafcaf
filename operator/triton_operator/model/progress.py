"""One line every few seconds while bytes arrive: enough to see in a pod's log that it moves."""

from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]
"""Seconds on a clock that never goes back."""

Say = Callable[[str], None]
"""Takes one line for the log."""


@dataclass
class Progress:
    """Counts bytes over all files, and says how far it is, with the rate since the last line."""

    say: Say
    clock: Clock
    every_seconds: float = 3.0
    received: int = 0
    _line_time: float = field(init=False)
    _line_received: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._line_time = self.clock()

    def add(self, count: int, name: str, total: int | None) -> None:
        """`count` more bytes of the file `name`, which has `total` bytes if that is known."""
        self.received += count
        now = self.clock()
        elapsed = now - self._line_time
        if elapsed < self.every_seconds:
            return
        rate = (self.received - self._line_received) / elapsed
        of = f" (the file has {megabytes(total)})" if total is not None else ""
        self.say(f"{name}: {megabytes(self.received)} received{of}, {megabytes(int(rate))}/s")
        self._line_time, self._line_received = now, self.received


def megabytes(count: int) -> str:
    """`count` bytes for a person: `1.2 MB`."""
    return f"{count / 1e6:,.1f} MB"
