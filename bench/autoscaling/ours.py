"""The operator's own decision as a policy: the very function that the operator calls."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bench.autoscaling.decision_cost import Stopwatch
from bench.autoscaling.setup import Setup
from bench.autoscaling.simulation import Replica
from bench.autoscaling.view import Scrape, View
from triton_operator.autoscaling.aside import aside_after
from triton_operator.autoscaling.decision import Decision, decide
from triton_operator.autoscaling.observation import Observation, Served, Traffic
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.state import ScalingState
from triton_operator.planning.service_curve import ServiceCurve

LEADS_REMEMBERED = 20


@dataclass
class Ours:
    """One setting for all traces: the objective and the bounds, as a user states them."""

    setup: Setup
    settings: ScalingSettings
    period: float = 1.0
    state: ScalingState = field(default_factory=ScalingState)
    decisions: list[tuple[float, Decision]] = field(default_factory=list)
    keep_decisions: bool = False
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    _before: Scrape | None = None
    _last: tuple[Observation, Decision] | None = None
    _aside: frozenset[Replica] = frozenset()

    def target(self, view: View) -> int:
        """What `decide` says to what the metrics show."""
        observation = self._observe(view)
        self.state, decision = self.stopwatch.time(
            lambda: decide(self.state, observation, self.settings, self.period)
        )
        self._last = observation, decision
        if self.keep_decisions:
            self.decisions.append((view.now, decision))
        return decision.target

    def aside(self, view: View) -> frozenset[Replica]:
        """What the operator's rule says to the queues that the metrics show."""
        assert self._last is not None
        observation, decision = self._last
        scrape = view.scrape
        replicas = zip(scrape.places.tolist(), scrape.ready_at.tolist(), strict=True)
        waiting = dict(zip(replicas, scrape.pending.tolist(), strict=True))
        chosen = aside_after(
            decision, observation, self.settings, self.state.part, waiting, self._aside
        )
        if chosen is not None:
            self._aside = chosen
        return self._aside

    def _observe(self, view: View) -> Observation:
        scrape, traffic = view.scrape, None
        if self._before is not None and scrape.at > self._before.at:
            traffic = _traffic(scrape, self._before)
        self._before = scrape
        leads = view.starts[-LEADS_REMEMBERED:]
        setup = self.setup
        return Observation(
            now=view.now,
            ready=view.ready,
            traffic=traffic,
            pending=float(scrape.pending.sum()) + scrape.front,
            reporting=view.reporting,
            starting_seconds=view.starting_seconds,
            metrics_age_seconds=view.age,
            curve=ServiceCurve(setup.base, setup.slope, setup.largest, setup.instances).slower_by(
                setup.believed_base
            ),
            lead_seconds=float(np.quantile(leads, 0.9)) if leads else None,
            starts=tuple(leads),
        )


def _traffic(scrape: Scrape, before: Scrape) -> Traffic:
    """As the operator has it from Triton's counters and its histogram."""
    pods = scrape.changes_since(before)
    return Traffic(
        scrape.at - before.at,
        scrape.arrivals_since(before),
        float(sum(pod.done for pod in pods)),
        float(sum(pod.in_time for pod in pods)),
        tuple(
            Served(pod.seconds, float(pod.done), float(pod.pending_before), float(pod.pending))
            for pod in pods
        ),
    )
