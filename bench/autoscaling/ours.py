"""The operator's own decision as a policy: the very function that the operator calls."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bench.autoscaling.replicas import CREATED, STARTING, STATE
from bench.autoscaling.simulation import Setup, View
from triton_operator.autoscaling.decision import Decision, decide
from triton_operator.autoscaling.observation import Observation, Traffic
from triton_operator.autoscaling.service_curve import ServiceCurve
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.state import ScalingState

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
    _before: tuple[float, int, int, int] | None = None

    def target(self, view: View) -> int:
        """What `decide` says to what the metrics show."""
        observation = self._observe(view)
        self.state, decision = decide(self.state, observation, self.settings, self.period)
        if self.keep_decisions:
            self.decisions.append((view.now, decision))
        return decision.target

    def _observe(self, view: View) -> Observation:
        done, failed, pending = view.done, view.failed, view.pending
        traffic = None
        if self._before is not None:
            then, *counts = self._before
            arrivals = done + failed + pending - sum(counts)
            traffic = Traffic(view.now - then, max(0.0, float(arrivals)))
        self._before = (view.now, done, failed, pending)
        fleet = view.fleet
        starting = np.flatnonzero(fleet.counts[:, STATE] == STARTING)
        ages = tuple(float(view.now - fleet.numbers[slot, CREATED]) for slot in starting)
        leads = [lead for ready_at, lead in view.starts if ready_at <= view.now]
        setup = self.setup
        return Observation(
            now=view.now,
            ready=view.ready,
            traffic=traffic,
            pending=float(pending),
            reporting=view.ready,
            starting_seconds=ages,
            curve=ServiceCurve(setup.base, setup.slope, setup.largest, setup.instances).slower_by(
                setup.believed_base
            ),
            lead_seconds=float(np.quantile(leads[-LEADS_REMEMBERED:], 0.9)) if leads else None,
        )
