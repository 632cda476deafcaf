"""The rate of requests in each second: a part of a public trace, or a made one of its shape."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from e2e.harness.paths import REPOSITORY

TRACE = REPOSITORY.parent / "shared" / "traces" / "twitter_spike.csv"
SCALE = 2.55
FROM_SECOND = 3600
SECONDS = 900
KNOTS = (
    *((0, 105), (150, 105), (153, 340), (160, 455), (263, 590), (400, 535), (465, 515), (475, 375)),
    *((505, 225), (565, 225), (580, 175), (655, 180), (662, 100), (899, 110)),
)
"""Second and rate, between which the made-up spike is drawn."""


@dataclass(frozen=True)
class Rates:
    """Requests per second, second by second, and where they come from."""

    source: str
    per_second: NDArray[np.float64]

    def part(self, start: int, seconds: int) -> Rates:
        """Those seconds of it."""
        return Rates(self.source, self.per_second[start : start + seconds])

    def after_calm(self, seconds: int) -> Rates:
        """With so many seconds before it at the mean rate of its first half minute."""
        calm = np.full(seconds, self.per_second[:30].mean())
        return Rates(self.source, np.concatenate((calm, self.per_second)))

    def write(self, path: Path) -> None:
        """One rate a line."""
        path.write_text("".join(f"{rate:.3f}\n" for rate in self.per_second))


def spike(trace: Path = TRACE) -> Rates:
    """Seconds 3,600 to 4,500 of a spike on Twitter, times 2.55; made up where the trace is not."""
    if not trace.exists():
        return Rates(f"made up, as {trace.name} is not beside the checkout", made_up_spike())
    with trace.open() as lines:
        rows = list(csv.reader(lines))[1:]
    rates = np.array([float(requests) for _, requests in rows])
    part = rates[FROM_SECOND : FROM_SECOND + SECONDS] * SCALE
    return Rates(f"{trace.name}, from second {FROM_SECOND}, times {SCALE}", part)


def made_up_spike(seed: int = 1) -> NDArray[np.float64]:
    """Of the same shape: 105/s, 340/s within three seconds, 600/s within 110, and down again."""
    times, rates = zip(*KNOTS, strict=True)
    mean = np.interp(np.arange(SECONDS), times, rates)
    noise = np.random.default_rng(seed).normal(1.0, 0.08, SECONDS)
    return np.asarray(mean * np.clip(noise, 0.7, 1.3))
