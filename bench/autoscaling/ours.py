"""The operator's own decision as a policy: the very function that the operator calls."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bench.autoscaling.setup import Setup
from bench.autoscaling.view import Scrape, View
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
    _before: Scrape | None = None

    def target(self, view: View) -> int:
        """What `decide` says to what the metrics show."""
        observation = self._observe(view)
        self.state, decision = decide(self.state, observation, self.settings, self.period)
        if self.keep_decisions:
            self.decisions.append((view.now, decision))
        return decision.target

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
