"""What goes wrong: with the metrics, so that policies see other than what is, or with pods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.autoscaling.replicas import Fleet
from bench.autoscaling.setup import Setup
from bench.autoscaling.simulation import Result
from bench.autoscaling.traces import Trace
from bench.autoscaling.view import Scrape, Starts, View

START, END = 600.0, 1200.0
DOWN_SECONDS = 300.0
RESET_SECONDS = 60.0
"""How long after a reset what is done counts as a consequence of it."""


class NoScrapes(View):
    """No pod's metrics arrive for ten minutes; the source answers, and has no samples."""

    until = END
    """The fault lasts from `START` until then."""

    def __init__(self, setup: Setup, fleet: Fleet, starts: Starts) -> None:
        super().__init__(setup, fleet, starts)
        self._last = super().scrape

    def _out(self) -> bool:
        return START < self.now < self.until

    def record(self) -> None:
        """Keep the sample of the last second before the fault."""
        super().record()
        if self.now == START:
            self._last = super().scrape

    @property
    def sampled_at(self) -> float:
        """The fault's start, while it lasts."""
        return START if self._out() else self.now

    @property
    def scrape(self) -> Scrape:
        """The last one there was."""
        return self._last if self._out() else super().scrape


class SourceDown(NoScrapes):
    """The source does not answer for five minutes."""

    until = START + DOWN_SECONDS

    @property
    def answers(self) -> bool:
        """Not during the fault."""
        return not self._out()


class HalfMissing(View):
    """The metrics of every second pod do not arrive for ten minutes."""

    def _reports(self) -> NDArray[np.bool_]:
        ready = super()._reports()
        if START < self.now < END:
            ready &= np.arange(len(ready)) % 2 == 0
        return ready


class OneInSixMissing(View):
    """The metrics of every sixth pod do not arrive for ten minutes."""

    def _reports(self) -> NDArray[np.bool_]:
        ready = super()._reports()
        if START < self.now < END:
            ready &= np.arange(len(ready)) % 6 != 0
        return ready


class CountersReset(View):
    """Every counter starts again from zero, once."""

    def __init__(self, setup: Setup, fleet: Fleet, starts: Starts) -> None:
        super().__init__(setup, fleet, starts)
        self._done = np.zeros(len(fleet.counts), np.int64)
        self._failed = np.zeros(len(fleet.counts), np.int64)
        self._in_time = np.zeros(len(fleet.counts), np.int64)

    def record(self) -> None:
        """Note what the counters were."""
        super().record()
        if self.now == START:
            last = super().scrape
            self._done[last.places], self._failed[last.places] = last.done, last.failed
            self._in_time[last.places] = last.in_time

    @property
    def scrape(self) -> Scrape:
        """Counted from the reset on."""
        real = super().scrape
        old = real.ready_at <= START
        return real._replace(
            done=real.done - old * self._done[real.places],
            failed=real.failed - old * self._failed[real.places],
            in_time=real.in_time - old * self._in_time[real.places],
        )


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong; nothing by default."""

    text: str = ""
    look: Callable[[Setup, Fleet, Starts], View] = View
    until: float | None = None
    """Until when a policy must not remove anything; None: not a fault of metrics."""
    setup: Mapping[str, Any] = field(default_factory=dict)


FAULTS: Mapping[str, Fault] = {
    "no_scrapes": Fault("no pod's metrics arrive for 10 min", NoScrapes, END),
    "half_missing": Fault("half of the pods' metrics are missing for 10 min", HalfMissing, END),
    "some_missing": Fault("every sixth pod's metrics are missing for 10 min", OneInSixMissing, END),
    "counters_reset": Fault(
        "all counters start again from zero", CountersReset, START + RESET_SECONDS
    ),
    "source_down": Fault("the source is down for 5 min", SourceDown, START + DOWN_SECONDS),
    "pod_crash": Fault("a pod crashes", setup={"crash_at": (START,)}),
    "misjudged": Fault("the curve is believed 15 % too fast", setup={"believed_base": 0.85}),
    "slow_node": Fault("every fourth replica is slower by half", setup={"slow_replicas": 1.5}),
}


def trace() -> Trace:
    """Steady, then half as much again while metrics fail: nobody who sees it would remove any."""
    rates = np.interp(np.arange(1800.0), [0.0, START, END, 1800.0], [300.0, 300.0, 450.0, 450.0])
    return Trace("faulty", rates)


def removed(result: Result, until: float) -> int:
    """Replicas that the policy took away between the start of the fault and then."""
    gone = 0
    levels = result.targets
    for (_, before), (at, after) in pairwise(levels):
        if START < at <= until and after < before:
            gone += before - after
    return gone
