"""Everything that a benchmark found, and the aims it is held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.autoscaling.decision_cost import DecisionCost
from bench.autoscaling.grid import FAMILIES
from bench.autoscaling.oracle import Clairvoyant
from bench.autoscaling.summary import (
    Key,
    Outcome,
    best_setting,
    cheapest,
    cost_at,
    frontier,
    mean,
)

OURS = "ours"


@dataclass(frozen=True)
class Faulty:
    """What one policy did under one fault; means over seeds, but `removed` is of all seeds."""

    attainment: float
    cost: float
    removed: int | None
    """Replicas taken away while metrics were wrong; None: the fault was none of metrics."""


@dataclass(frozen=True)
class Findings:
    """Outcomes by policy and setting and by trace."""

    suite: Sequence[str]
    extras: Sequence[str]
    clairvoyants: Mapping[str, Clairvoyant]
    tried: Mapping[Key, Mapping[str, Outcome]]
    """Every setting on the suite, with the first seed."""
    played: Mapping[Key, Mapping[str, Outcome]]
    """The best setting of each policy on all traces, with all seeds."""
    faulty: Mapping[tuple[str, str], Faulty]
    """By policy and fault."""
    rejects: bool = False
    decision: DecisionCost = field(default_factory=DecisionCost)
    """What a decision of ours costs, over all runs."""

    @property
    def policies(self) -> list[str]:
        """In the order of the tables: ours first."""
        names = [name for name in FAMILIES if any(name == played for played, _ in self.played)]
        return sorted(names, key=lambda name: name != OURS)

    def setting(self, policy: str) -> float:
        """The one that was chosen for the whole suite."""
        return next(setting for name, setting in self.played if name == policy)

    def outcomes(self, policy: str) -> Mapping[str, Outcome]:
        """By trace, at that setting."""
        return self.played[policy, self.setting(policy)]

    def in_the_mean(self, policy: str) -> Outcome:
        """Over the suite, each trace counting the same."""
        return mean(self.outcomes(policy)[trace] for trace in self.suite)

    def curve(self, policy: str) -> list[tuple[float, float]]:
        """(attainment, cost) in the mean over the suite that a policy can be tuned to."""
        points = [
            mean(traces[trace] for trace in self.suite)
            for (name, _), traces in self.tried.items()
            if name == policy
        ]
        return frontier([*points, self.in_the_mean(policy)])

    def against(self, opponent: str) -> tuple[float | None, float | None]:
        """Our cost over theirs: (at our attainment, at theirs); None where one cannot reach it."""
        ours, theirs = self.in_the_mean(OURS), self.in_the_mean(opponent)
        at_ours = cost_at(self.curve(opponent), ours.attainment)
        at_theirs = cost_at(self.curve(OURS), theirs.attainment)
        return (
            None if at_ours is None else ours.cost / at_ours,
            None if at_theirs is None else at_theirs / theirs.cost,
        )

    def tuned_for(self, trace: str, *, constant: bool = False) -> tuple[Key, Outcome] | None:
        """The cheapest opponent at any setting that does as well as ours on one trace.

        Either among those that scale, or among constant fleets: these know the trace's peak.
        """
        opponents = {
            key: {**self.tried.get(key, {}), **self.played.get(key, {})}
            for key in {**self.tried, **self.played}
            if key[0] != OURS and FAMILIES[key[0]].peaks == constant
        }
        found = cheapest(opponents, trace, self.outcomes(OURS)[trace].attainment)
        return None if found is None else (found, opponents[found][trace])

    def replicas_removed(self, policy: str) -> int | None:
        """Under all faults of metrics with all seeds together; None: no fault was tried."""
        seen = [
            fault.removed
            for (name, _), fault in self.faulty.items()
            if name == policy and fault.removed is not None
        ]
        return sum(seen) if seen else None

    def line(self) -> dict[str, Any]:
        """The last line of the output."""
        suite = {}
        for policy in self.policies:
            point = self.in_the_mean(policy)
            suite[policy] = {
                "attainment": round(point.attainment, 5),
                "cost": round(point.cost, 4),
                "bad_minutes": round(point.bad_minutes, 4),
                "actions": round(point.actions, 1),
            }
        ours = OURS in self.policies
        step = self.outcomes(OURS).get("step") if ours else None
        return {
            "suite": suite,
            "faults": {"replicas_removed": self.replicas_removed(OURS) if ours else None},
            "replica_seconds": {
                trace: round(one.cost * self.clairvoyants[trace].replica_seconds)
                for trace, one in (self.outcomes(OURS) if ours else {}).items()
            },
            "step": {"seconds_to_clear": round(step.clear_seconds, 1) if step else None},
            "decision": self.decision.line(),
        }


def chosen_settings(
    tried: Mapping[Key, Mapping[str, Outcome]], suite: Sequence[str]
) -> dict[str, float]:
    """The best single setting of each policy for the whole suite."""
    points: dict[str, dict[float, Outcome]] = {}
    for (policy, setting), traces in tried.items():
        points.setdefault(policy, {})[setting] = mean(traces[trace] for trace in suite)
    return {policy: best_setting(settings) for policy, settings in points.items()}


@dataclass(frozen=True)
class Aim:
    """Something that was aimed at, and what came of it."""

    text: str
    result: str
    met: bool


def _against(ratio: float) -> str:
    return f"{abs(1 - ratio):.1%} {'fewer' if ratio <= 1 else 'more'}"


def aims(found: Findings) -> list[Aim]:
    """What ours is held to; nothing if it took no part."""
    if OURS not in found.policies:
        return []
    ours = found.in_the_mean(OURS)
    attainment, cost = (0.996, 1.21) if found.rejects else (0.993, 1.25)
    held = [
        Aim(
            f"mean attainment of at least {attainment:.1%} at no more than {cost} x clairvoyant",
            f"{ours.attainment:.2%} at {ours.cost:.3f}",
            ours.attainment >= attainment and ours.cost <= cost,
        )
    ]
    for opponent in found.policies[1:]:
        _, ratio = found.against(opponent)
        held.append(
            Aim(
                f"20 % fewer replica-seconds than {opponent} at its attainment",
                "not reached" if ratio is None else _against(ratio),
                ratio is not None and ratio <= 0.8,
            )
        )
    for trace in found.suite:
        tuned = found.tuned_for(trace)
        if tuned is not None:
            ratio = found.outcomes(OURS)[trace].cost / tuned[1].cost
            held.append(
                Aim(
                    f"{trace}: within 5 % of the best opponent tuned for it",
                    f"{_against(ratio)} than {tuned[0][0]} {tuned[0][1]:g}",
                    ratio <= 1.05,
                )
            )
    if (step := found.outcomes(OURS).get("step")) is not None:
        seconds = step.clear_seconds
        held.append(
            Aim("a step of 5x is cleared in 60 s", f"{seconds:.0f} s", seconds <= 60.0),
        )
    if (removed := found.replicas_removed(OURS)) is not None:
        held.append(Aim("no replica removed under a fault of metrics", f"{removed}", removed == 0))
    if (calm := found.outcomes(OURS).get("twitter_calm")) is not None:
        hourly = calm.reversals_per_hour
        held.append(
            Aim("at most 0.5 reversals per hour on calm traffic", f"{hourly:.1f}", hourly <= 0.5)
        )
    return held
