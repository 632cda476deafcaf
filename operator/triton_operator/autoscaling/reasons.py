"""Why the number of replicas is what it is: a kind and its numbers, and one sentence from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from triton_operator.planning.figures import figure


class Why(StrEnum):
    """What decided."""

    DEMAND = "Demand"
    BACKLOG = "Backlog"
    RUSH = "Rush"
    SLOWER = "Slower"
    KEPT = "Kept"
    DAMPED = "Damped"
    STEP_LIMITED = "StepLimited"
    AT_MINIMUM = "AtMinimum"
    AT_MAXIMUM = "AtMaximum"
    FIRST_LOOK = "FirstLook"
    CURVE_UNKNOWN = "CurveUnknown"
    IDLE = "Idle"
    METRICS_PARTIAL = "MetricsPartial"
    METRICS_STALE = "MetricsStale"
    METRICS_LOST = "MetricsLost"
    NO_METRICS_YET = "NoMetricsYet"
    UNSCHEDULABLE = "Unschedulable"
    POOL_FULL = "PoolFull"
    SPILLED = "Spilled"
    MOVED_OVER = "MovedOver"
    EVEN_SPLIT = "EvenSplit"
    HELD_BACK = "HeldBack"
    LEAVING = "Leaving"
    SPEED_UNKNOWN = "SpeedUnknown"
    NO_ROOM = "NoRoom"


BOUNDS = frozenset({Why.AT_MINIMUM, Why.AT_MAXIMUM})
"""Of the spec."""
HOLDING = frozenset(
    {Why.KEPT, Why.DAMPED, Why.STEP_LIMITED, Why.METRICS_PARTIAL, Why.METRICS_STALE}
)
"""Why replicas stay that are not needed. Where the spec wants as many, it is the reason."""

SENTENCES: Mapping[Why, str] = {
    Why.DEMAND: "{rate:figure} requests/s now, up to {outlook:figure}/s within the {lead:.0f} s "
    "of a start; one replica keeps the objective up to {safe:figure}/s",
    Why.BACKLOG: "{pending:.0f} requests wait, to be served soon after replicas have started, in "
    "{lead:.0f} s",
    Why.RUSH: "rush: {ready:.0f} ready replicas are too few for what comes now, so more may be "
    "ordered than will stay, and none goes until enough are ready",
    Why.SLOWER: "replicas do {percent:.0f} % of what their service curve says, by their queues and "
    "latencies",
    Why.KEPT: "{wanted:.0f} would do now, but up to {kept:.0f} were wanted in the last "
    "{window:.0f} s, and a start costs as much as keeping one so long",
    Why.DAMPED: "{more:.0f} more stay until not all have been needed for {seconds:.0f} s, as a "
    "small step down is soon taken back",
    Why.STEP_LIMITED: "at most {most:.0f} of {ordered:.0f} replicas go at once",
    Why.AT_MINIMUM: "spec.scaling.minReplicas is {bound:.0f}: without it there would be "
    "{wanted:.0f}",
    Why.AT_MAXIMUM: "{wanted:.0f} are wanted, but spec.scaling.maxReplicas is {bound:.0f}",
    Why.FIRST_LOOK: "two looks at the metrics are needed before the first decision",
    Why.CURVE_UNKNOWN: "how fast one replica is, is not known yet, so the load does not change "
    "their number",
    Why.IDLE: "no request came for {seconds:.0f} s: one replica is enough",
    Why.METRICS_PARTIAL: "{reporting:.0f} of {ready:.0f} ready replicas told their metrics: "
    "nothing is removed",
    Why.METRICS_STALE: "the newest metrics are {age:.0f} s old: nothing is removed",
    Why.NO_METRICS_YET: "no replica has told its metrics yet, so the load does not change their "
    "number",
    Why.METRICS_LOST: "no metrics for {age:.0f} s: the most replicas of the last 15 minutes stay",
    Why.UNSCHEDULABLE: "{unschedulable:.0f} replicas find no node: no more than one beyond is "
    "ordered",
    # Those of pools follow the words "pool NAME".
    Why.POOL_FULL: "takes {taken:.0f} replicas: others found no node",
    Why.SPILLED: "has {replicas:.0f} replicas, as pools before it have no room",
    Why.MOVED_OVER: "serves alone with {replicas:.0f} replicas: the first has no room for all, and "
    "of several pools each pod gets the same rate",
    Why.EVEN_SPLIT: "bounds every pod to {rate:figure} requests/s: each gets the same rate, and "
    "those of other pools could do up to {fastest:figure}/s",
    Why.HELD_BACK: "gets no requests until enough of its replicas are ready: {ready:.0f} are, of "
    "{wanted:.0f}",
    Why.LEAVING: "keeps {replicas:.0f} replicas until others serve instead of them",
    Why.SPEED_UNKNOWN: "gets one replica at most until it is known how fast it is",
    Why.NO_ROOM: "{served:figure} requests/s is what the pools have room for, {wanted:figure}/s is "
    "wanted",
}


@dataclass(frozen=True)
class Reason:
    """One part of a decision; `numbers` are those of its sentence, in plain units."""

    why: Why
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """For people."""
        numbers = {name: _Number(value) for name, value in self.numbers.items()}
        return SENTENCES[self.why].format(**numbers)


class _Number(float):
    """A number that also knows the format `figure`: rates may be a few requests an hour."""

    def __format__(self, spec: str) -> str:
        return figure(self) if spec == "figure" else super().__format__(spec)


def reason(why: Why, **numbers: float) -> Reason:
    """A reason with its numbers.

    Raises:
        KeyError: a number of its sentence is missing.
    """
    made = Reason(why, {name: round(float(value), 4) for name, value in numbers.items()})
    made.sentence  # noqa: B018 - a missing number is an error here, not when somebody reads it
    return made
