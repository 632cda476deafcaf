"""What the autoscaler says of a service, and when that is worth telling. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.judgement import Judgement, ServiceMemory
from triton_operator.autoscaling.look import LatencySource
from triton_operator.autoscaling.reasons import Why
from triton_operator.autoscaling.scaling_question import ScalingQuestion

TOLD_EVERY_SECONDS = 60.0
TOLD_DIFFERENCE = 0.1
"""Figures that change all the time are told anew once a minute, if they moved by a tenth."""
FRESH = frozenset({MetricsFreshness.FRESH, MetricsFreshness.PARTIAL})
LIMITS = (Why.UNSCHEDULABLE, Why.AT_MAXIMUM)


@dataclass(frozen=True)
class Change:
    """A change of replicas; `time` in seconds since the epoch."""

    time: float
    before: int
    after: int
    why: str


@dataclass(frozen=True)
class Figures:
    """What is shown of a look. Rates in requests/s, times in seconds; None: not known."""

    rate: float | None = None
    safe_rate: float | None = None
    waiting: float | None = None
    attainment: float | None = None
    p99_seconds: float | None = None
    lead_seconds: float | None = None
    fastest_seconds: float | None = None
    """What a request takes that is alone."""


@dataclass(frozen=True)
class ScalingAnswer:
    """`replicas` by Deployment. `limits` are the bounds that the decision met. `early`: pods
    have told something, but not often enough yet for a decision.

    `removable` names ready pods by Deployment, the one with the least to do first.
    """

    time: float
    replicas: Mapping[str, int]
    freshness: MetricsFreshness
    latency_source: LatencySource
    ready: int
    reasons: tuple[str, ...]
    limits: Mapping[Why, str]
    figures: Figures
    change: Change | None = None
    removable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scales: bool = True
    early: bool = False


def answer_of(
    question: ScalingQuestion,
    memory: ServiceMemory,
    judgement: Judgement,
    previous: ScalingAnswer | None,
) -> ScalingAnswer:
    """The answer of one look; the last change of the previous one stays until there is another.

    What it takes to be a change: the number that is decided is not the one that is ordered.
    """
    decision, observation = judgement.decision, judgement.observation
    after, before = decision.target, observation.ordered
    change = previous.change if previous else None
    if question.scales and after != before and not (change and previous and _told(previous, after)):
        change = Change(observation.now, before, after, decision.why)
    return ScalingAnswer(
        time=observation.now,
        replicas=judgement.replicas,
        freshness=decision.freshness,
        latency_source=judgement.look.latency_source,
        ready=observation.ready,
        reasons=tuple(one.sentence for one in decision.reasons),
        limits={one.why: one.sentence for one in decision.reasons if one.why in LIMITS},
        figures=_figures(question, memory, judgement),
        change=change,
        scales=question.scales,
        early=_is_early(judgement),
    )


def _is_early(judgement: Judgement) -> bool:
    observation = judgement.observation
    first = any(one.why is Why.FIRST_LOOK for one in judgement.decision.reasons)
    return observation.reporting > 0 and (first or observation.traffic is None)


def _told(previous: ScalingAnswer, after: int) -> bool:
    """Whether that number was told already, to be followed; nobody follows while it is paused."""
    return previous.scales and sum(previous.replicas.values()) == after


def is_news(told: ScalingAnswer | None, answer: ScalingAnswer) -> bool:
    """Whether an answer differs from what was told before by something to act on, or to show."""
    if answer.early:
        # The next looks have rates; until then metrics would seem to be missing.
        return False
    if told is None:
        return True
    if (
        told.replicas != answer.replicas
        or told.change != answer.change
        or told.scales != answer.scales
        or (told.freshness in FRESH) != (answer.freshness in FRESH)
        or told.limits.keys() != answer.limits.keys()
        or (told.ready == 0) != (answer.ready == 0)
        or (told.figures.safe_rate is None) != (answer.figures.safe_rate is None)
    ):
        return True
    return answer.time - told.time >= TOLD_EVERY_SECONDS and _moved(told, answer)


def _moved(told: ScalingAnswer, answer: ScalingAnswer) -> bool:
    if (told.freshness, told.latency_source) != (answer.freshness, answer.latency_source):
        return True
    names = ("rate", "safe_rate", "attainment", "lead_seconds", "waiting")
    return any(
        _differ(getattr(told.figures, name), getattr(answer.figures, name)) for name in names
    )


def _differ(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > max(TOLD_DIFFERENCE * max(abs(one), abs(other)), 0.05)


def _figures(question: ScalingQuestion, memory: ServiceMemory, judgement: Judgement) -> Figures:
    decision, observation = judgement.decision, judgement.observation
    curve = observation.curve
    return Figures(
        rate=decision.rate,
        safe_rate=decision.safe_rate,
        waiting=judgement.look.pending,
        attainment=memory.attainment.share,
        p99_seconds=judgement.look.p99_seconds,
        lead_seconds=observation.lead_seconds,
        fastest_seconds=curve.seconds(1) if curve else None,
    )
