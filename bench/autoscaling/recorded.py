"""`python -m bench.autoscaling.recorded step FILE`: a run of the benchmark as a decision log.

What an operator on such a service would keep, for `triton-operator replay` and for measuring.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bench.autoscaling.ours import Ours
from bench.autoscaling.replicas import BINS_PER_DOUBLING, LATENCY_BINS, SHORTEST_LATENCY
from bench.autoscaling.setup import Setup
from bench.autoscaling.simulation import Run
from bench.autoscaling.traces import Trace, diurnal, mmpp, ramp, step
from bench.autoscaling.view import View
from triton_operator.autoscaling.decision import decide
from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.autoscaling.decision_record import DecisionRecord
from triton_operator.autoscaling.observation import Observation
from triton_operator.autoscaling.settings import ScalingSettings

TRACES: Mapping[str, Callable[[], Trace]] = {
    "step": step,
    "ramp": ramp,
    "mmpp": mmpp,
    "diurnal": diurnal,
}
BEGAN = 1_790_000_000.0
"""Simulations begin at 0; a log has the time of day."""


@dataclass
class Recorded(Ours):
    """Our policy, with a log of what it decided from."""

    log: DecisionLog = field(default_factory=DecisionLog)
    _seen: int = 0
    _now: float = BEGAN
    _clocks: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def target(self, view: View) -> int:
        """What `decide` says, kept with everything that it was told."""
        seen = self._by_real_clocks(self._with_latencies(self._observe(view), view))
        before = self.state
        self.state, decision = decide(before, seen, self.settings, self.period)
        self._last = seen, decision
        record = DecisionRecord(seen, self.settings, self.period, decision, before, self.state)
        self.log.append("bench/service", record)
        return decision.target

    def _with_latencies(self, seen: Observation, view: View) -> Observation:
        """What a histogram in Triton's metrics would tell."""
        since, self._seen = self._seen, int(view.now)
        if seen.traffic is None:
            return seen
        bins = view.fleet.latencies[since : self._seen].sum(axis=0)
        upper = SHORTEST_LATENCY * 2 ** ((np.arange(LATENCY_BINS) + 1) / BINS_PER_DOUBLING)
        within = bins[upper <= self.setup.objective].sum()
        traffic = replace(seen.traffic, answered=float(bins.sum()), within_objective=float(within))
        return replace(seen, traffic=traffic)

    def _by_real_clocks(self, seen: Observation) -> Observation:
        """A look is some milliseconds late, and its times have all digits, which take room."""
        before, self._now = self._now, BEGAN + seen.now + float(self._clocks.uniform(0, 0.02))
        traffic = seen.traffic
        if traffic is not None:
            traffic = replace(traffic, interval_seconds=self._now - before)
        return replace(
            seen,
            now=self._now,
            traffic=traffic,
            metrics_age_seconds=seen.metrics_age_seconds + float(self._clocks.uniform(0, 0.5)),
        )


def recorded(trace: Trace, period: float = 1.0, seed: int = 1) -> Recorded:
    """A run over that trace, decided on every `period` seconds."""
    setup = Setup()
    settings = ScalingSettings(setup.objective, least=setup.least, most=setup.most)
    policy = Recorded(setup, settings, period)
    Run(setup, trace.arrivals(seed), trace.seconds, seed).play(policy)
    return policy


def main() -> None:
    """Write the log of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace", choices=sorted(TRACES))
    parser.add_argument("file", type=Path)
    parser.add_argument("--period", type=float, default=1.0, help="seconds between decisions")
    options = parser.parse_args()
    policy = recorded(TRACES[options.trace](), options.period)
    lines = list(policy.log.lines("bench/service"))
    options.file.write_text("".join(f"{line}\n" for line in lines))
    print(f"{len(lines)} decisions, {policy.log.bytes:,} bytes in memory: {options.file}")


if __name__ == "__main__":
    main()
