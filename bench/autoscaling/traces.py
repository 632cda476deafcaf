"""Arrivals: from a folder of public traces, and made by generators."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """`rates` are mean arrivals per second, one for each second; or exact `arrivals`, sorted."""

    name: str
    rates: Floats
    exact: Floats | None = None

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return len(self.rates)

    def arrivals(self, seed: int) -> Floats:
        """Sorted arrival times; Poisson counts in every second, spread evenly within it."""
        if self.exact is not None:
            return self.exact
        randomness = np.random.default_rng([seed, *self.name.encode()])
        counts = randomness.poisson(self.rates)
        times = np.repeat(np.arange(self.seconds, dtype=float), counts)
        return np.sort(times + randomness.random(len(times)))

    def part(self, start: int, seconds: int) -> Trace:
        """That part of it, as a trace of its own."""
        end = min(self.seconds, start + seconds)
        exact = self.exact
        if exact is not None:
            exact = exact[(exact >= start) & (exact < end)] - start
        return Trace(self.name, self.rates[start:end], exact)


SCALES: Mapping[str, float] = {
    "twitter_spike": 7.0,
    "twitter_calm": 5.0,
    "worldcup98_match": 0.35,
    "azure_functions_job2": 40.0,
    "azure_functions_job6": 40.0,
    "azure_functions_job9": 40.0,
    "azure_llm_conv": 40.0,
}
"""Factors that bring the known traces to some replicas; others are scaled to a mean of 250/s."""
USUAL_MEAN = 250.0
MOST_MINUTES = 240
"""Of a trace by the minute; the rest of it is left out."""


def read_folder(folder: Path) -> list[Trace]:
    """Every trace of a folder: files `second,requests`, `minute,requests` or `arrival_seconds`.

    Other files are passed over. Raises ValueError where a row is none.
    """
    traces = []
    for path in sorted(folder.glob("*.csv")):
        with path.open() as lines:
            rows = list(csv.reader(lines))
        if not rows:
            continue
        header = ",".join(rows[0]).strip()
        if reader := _READERS.get(header):
            try:
                values = np.array([[float(cell) for cell in row] for row in rows[1:]])
                traces.append(reader(path.stem, values))
            except (ValueError, IndexError) as error:
                raise ValueError(f"{path.name} is no trace: {error}") from error
    return traces


def _scale(name: str, mean: float) -> float:
    return SCALES.get(name, USUAL_MEAN / max(mean, 1e-9))


def _by_second(name: str, values: Floats) -> Trace:
    rates = values[:, 1]
    return Trace(name, rates * _scale(name, float(rates.mean())))


def _by_minute(name: str, values: Floats) -> Trace:
    per_second = values[:MOST_MINUTES, 1] / 60
    middles = np.arange(len(per_second)) * 60 + 30.0
    rates = np.interp(np.arange(len(per_second) * 60) + 0.5, middles, per_second)
    return Trace(name, rates * _scale(name, float(rates.mean())))


def _by_arrival(name: str, values: Floats) -> Trace:
    offsets = values[:, 0]
    seconds = int(np.ceil(offsets.max()))
    copies = int(_scale(name, len(offsets) / seconds))
    randomness = np.random.default_rng(0)
    times = np.tile(offsets, max(1, copies))
    times = np.sort(times + randomness.standard_normal(len(times)))
    times = times[(times >= 0) & (times < seconds)]
    rates = np.bincount(times.astype(int), minlength=seconds).astype(float)
    return Trace(name, rates, exact=times)


_READERS: Mapping[str, Callable[[str, Floats], Trace]] = {
    "second,requests": _by_second,
    "minute,requests": _by_minute,
    "arrival_seconds": _by_arrival,
}


def mmpp(seed: int = 1, seconds: int = 7200) -> Trace:
    """150 or 600 requests/s, changing after 300 and 120 s in the mean."""
    randomness = np.random.default_rng(seed)
    rates = np.zeros(seconds)
    now, high = 0.0, False
    while now < seconds:
        stay = randomness.exponential(120.0 if high else 300.0)
        rates[int(now) : int(now + stay) + 1] = 600.0 if high else 150.0
        now, high = now + stay, not high
    return Trace("mmpp", rates)


CLUSTER_PART = (3600, 900)
CLUSTER_SCALE = 2.55


def on_cluster(spike: Trace) -> Trace:
    """The quarter of an hour of twitter_spike that was run on real pods: from 105/s, a step to 340
    within seconds, and 600 two minutes later."""
    part = spike.part(*CLUSTER_PART)
    return Trace("cluster_spike", part.rates * (CLUSTER_SCALE / SCALES["twitter_spike"]))


def surge() -> Trace:
    """The same by its outline, where the trace itself is not there."""
    points = [0.0, 450.0, 453.0, 560.0, 780.0, 900.0], [105.0, 105.0, 340.0, 600.0, 450.0, 300.0]
    return Trace("cluster_spike", np.interp(np.arange(900.0), *points))


def step(low: float = 100.0, factor: float = 5.0, seconds: int = 3600) -> Trace:
    """Calm, then `factor` times as much from one second to the next, then calm again."""
    rates = np.full(seconds, low)
    rates[seconds // 3 : 2 * seconds // 3] = low * factor
    return Trace("step", rates)


def ramp(low: float = 100.0, high: float = 1000.0, seconds: int = 3600) -> Trace:
    """Up in 20 minutes, and down again."""
    third = seconds // 3
    up = np.linspace(low, high, third)
    rest = np.full(seconds - 2 * third, high)
    return Trace("ramp", np.concatenate((up, rest, up[::-1])))


def diurnal(low: float = 60.0, high: float = 900.0, seconds: int = 14400) -> Trace:
    """A day in four hours."""
    angle = np.arange(seconds) / seconds * 2 * np.pi
    return Trace("diurnal", low + (high - low) * (1 - np.cos(angle)) / 2)
