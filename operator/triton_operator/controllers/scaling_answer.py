"""What the autoscaler says of a service, and when that is worth telling. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from triton_operator.api import reasons
from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.curve_drift import Drift, drift, is_drifted
from triton_operator.autoscaling.decision_record import DecisionRecord
from triton_operator.autoscaling.demand import estimate
from triton_operator.autoscaling.failures import Ended
from triton_operator.autoscaling.judgement import Judgement, ServiceMemory
from triton_operator.autoscaling.look import LatencySource
from triton_operator.autoscaling.reasons import Why, reason
from triton_operator.autoscaling.scaling_question import ScalingQuestion
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.spill_reasons import PoolReason
from triton_operator.planning.predicted_latency import predicted_seconds
from triton_operator.planning.service_curve import ServiceCurve

TOLD_EVERY_SECONDS = 60.0
TOLD_DIFFERENCE = 0.1
"""Figures that change all the time are told anew once a minute, if they moved by a tenth."""
JUMPS_EVERY_SECONDS = 10.0
JUMP = 0.25
"""A rate that doubled or halved is told sooner, if it is by a quarter of what a replica does."""
FRESH = frozenset({MetricsFreshness.FRESH, MetricsFreshness.PARTIAL})
LIMITS = {
    Why.AT_MAXIMUM: reasons.AT_MAXIMUM,
    Why.UNSCHEDULABLE: reasons.UNSCHEDULABLE,
    Why.POOL_FULL: reasons.UNSCHEDULABLE,
    Why.NO_ROOM: reasons.UNSCHEDULABLE,
}
"""What keeps a decision from being carried out, by the reason of its condition."""


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
    curve: ServiceCurve | None = None
    waiting: float | None = None
    attainment: float | None = None
    p99_seconds: float | None = None
    lead_seconds: float | None = None
    fastest_seconds: float | None = None
    """What a request takes that is alone."""
    predicted_p99_seconds: float | None = None
    """What the queue model says of the pods that get requests."""
    ended: Ended | None = None
    """Requests of the last minutes, and how many of them failed."""

    @property
    def failed_share(self) -> float | None:
        """0 to 1; None where no request came to an end, or nobody counted."""
        if self.ended is None or (total := self.ended.answered + self.ended.failed) <= 0:
            return None
        return self.ended.failed / total


@dataclass(frozen=True)
class ScalingAnswer:
    """`replicas` by Deployment. `limits` are the bounds that the decision met, by the reason of a
    condition. `safe_rates` are requests/s of a replica, by pool; only pods of the pool `alone` get
    requests, or all do. `early`: pods have told something, but not often enough yet for a decision.

    `removable` names ready pods by Deployment, the one with the least to do first. Pods that are
    `aside` are to get no new requests; None: as they are, nothing is known.
    """

    time: float
    replicas: Mapping[str, int]
    freshness: MetricsFreshness
    latency_source: LatencySource
    ready: int
    reasons: tuple[str, ...]
    limits: Mapping[str, str]
    figures: Figures
    change: Change | None = None
    removable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scales: bool = True
    safe_rates: Mapping[str, float] = field(default_factory=dict)
    alone: str | None = None
    aside: frozenset[str] | None = None
    early: bool = False
    drifted: Mapping[str, Drift] = field(default_factory=dict)
    """By pool, how far batches are from what the profile says, where that is far."""
    kept: bool | None = None
    """Whether the objective is kept, by what was measured; None: nothing was."""


def answer_of(
    question: ScalingQuestion,
    memory: ServiceMemory,
    judgement: Judgement,
    previous: ScalingAnswer | None,
) -> ScalingAnswer:
    """The answer of one look; the last change of the previous one stays until there is another."""
    decision = judgement.record.decision
    return ScalingAnswer(
        time=judgement.record.time,
        replicas=judgement.replicas,
        freshness=decision.freshness,
        latency_source=judgement.look.latency_source,
        ready=judgement.ready,
        reasons=tuple(one.sentence for one in judgement.reasons),
        limits=_limits(judgement),
        figures=_figures(memory, judgement),
        change=_change(question, judgement, previous),
        scales=question.scales,
        safe_rates=judgement.safe_rates,
        alone=judgement.alone,
        aside=judgement.aside if question.scales else frozenset(),
        early=_is_early(judgement),
        drifted=_drifted(memory, previous.drifted if previous else {}),
        kept=_kept(question.settings, memory.attainment.share, judgement.look.p99_seconds),
    )


def _kept(settings: ScalingSettings, share: float | None, p99: float | None) -> bool | None:
    if share is not None:
        return share >= settings.attainment
    return None if p99 is None else p99 <= settings.objective_seconds


def _change(
    question: ScalingQuestion, judgement: Judgement, previous: ScalingAnswer | None
) -> Change | None:
    """The last change, by this look or one before it.

    What it takes to be a change: the number that is decided is not the one that is ordered, or a
    bound of the spec has moved past the number that was told before: that is carried out as soon as
    the spec says it, before anybody looks.
    """
    time, after, before = judgement.record.time, sum(judgement.replicas.values()), judgement.ordered
    last = previous.change if previous else None
    if not question.scales:
        return last
    if after == before:
        return _by_bound(question.settings, judgement, previous) or last
    if last and previous and _told(previous, after):
        return last
    return Change(time, before, after, "; ".join(one.sentence for one in judgement.reasons))


def _by_bound(
    settings: ScalingSettings, judgement: Judgement, previous: ScalingAnswer | None
) -> Change | None:
    """The change by a bound that has moved since the answer before; None where it was not that."""
    if previous is None or not previous.scales:
        return None
    before, after = sum(previous.replicas.values()), judgement.ordered
    if before < settings.least == after:
        bound = reason(Why.AT_MINIMUM, wanted=before, bound=after)
    elif before > settings.most == after:
        bound = reason(Why.AT_MAXIMUM, wanted=before, bound=after)
    else:
        return None
    return Change(judgement.record.time, before, after, bound.sentence)


def _drifted(memory: ServiceMemory, before: Mapping[str, Drift]) -> dict[str, Drift]:
    """Pools whose batches are far from their profile; as they were while too few have been seen."""
    drifted: dict[str, Drift] = {}
    for name, pool in memory.pools.items():
        told = before.get(name)
        if told is not None and told.profile != pool.drift.profile:
            # Of another profile, nothing is told yet.
            told = None
        found = drift(pool.drift)
        if is_drifted(found, told is not None) and (now := found or told):
            drifted[name] = now
    return drifted


def _limits(judgement: Judgement) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in judgement.reasons:
        why = one.reason.why if isinstance(one, PoolReason) else one.why
        if why in LIMITS:
            found.setdefault(LIMITS[why], one.sentence)
    return found


def _is_early(judgement: Judgement) -> bool:
    observation, decision = judgement.record.observation, judgement.record.decision
    first = any(one.why is Why.FIRST_LOOK for one in decision.reasons)
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
        # Of a service that only starts there is nothing to say, and its status is written often.
        return answer.ready > 0 or bool(answer.limits) or answer.change is not None
    if (
        told.replicas != answer.replicas
        or told.change != answer.change
        or told.scales != answer.scales
        or told.alone != answer.alone
        or answer.aside not in (None, told.aside)
        or (told.freshness in FRESH) != (answer.freshness in FRESH)
        or told.limits.keys() != answer.limits.keys()
        or told.drifted.keys() != answer.drifted.keys()
        or (told.ready == 0) != (answer.ready == 0)
        or (told.figures.safe_rate is None) != (answer.figures.safe_rate is None)
    ):
        return True
    passed = answer.time - told.time
    if passed >= JUMPS_EVERY_SECONDS and _jumped(told.figures, answer.figures):
        return True
    return passed >= TOLD_EVERY_SECONDS and _moved(told, answer)


def _jumped(told: Figures, now: Figures) -> bool:
    """Whether the rate is twice or half what was told, and that is more than noise of a few."""
    if told.rate is None or now.rate is None:
        return False
    smaller, larger = sorted((told.rate, now.rate))
    return larger >= 2 * smaller and larger - smaller > JUMP * (now.safe_rate or math.inf)


def _moved(told: ScalingAnswer, answer: ScalingAnswer) -> bool:
    if (told.freshness, told.latency_source) != (answer.freshness, answer.latency_source):
        return True
    if told.kept != answer.kept:
        # A tenth of the share is far more than what lies between kept and missed.
        return True
    if _fail_otherwise(told.figures.ended, answer.figures.ended):
        return True
    names = ("rate", "safe_rate", "attainment", "lead_seconds", "waiting")
    return any(
        _differ(getattr(told.figures, name), getattr(answer.figures, name)) for name in names
    )


def _fail_otherwise(one: Ended | None, other: Ended | None) -> bool:
    if one is None or other is None:
        return one is not other
    return _differ(one.failed, other.failed) or _differ(one.answered, other.answered)


def _differ(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > max(TOLD_DIFFERENCE * max(abs(one), abs(other)), 0.05)


def with_prediction(answer: ScalingAnswer, judgement: Judgement) -> ScalingAnswer:
    """The answer, and what latency to expect; it may take a second where the load is new."""
    record = judgement.record
    curve, rate = record.observation.curve, record.decision.rate
    receiving = record.observation.ready - len(answer.aside or ())
    if curve is None or rate is None or receiving < 1:
        return answer
    seconds = predicted_seconds(curve, rate / receiving)
    return replace(answer, figures=replace(answer.figures, predicted_p99_seconds=seconds))


def _figures(memory: ServiceMemory, judgement: Judgement) -> Figures:
    observation, decision = judgement.record.observation, judgement.record.decision
    curve = observation.curve
    return Figures(
        rate=_rate(judgement.record),
        safe_rate=decision.safe_rate,
        curve=curve,
        waiting=judgement.look.pending,
        attainment=memory.attainment.share,
        ended=memory.failures.total,
        p99_seconds=judgement.look.p99_seconds,
        lead_seconds=observation.lead_seconds,
        fastest_seconds=curve.seconds(1) if curve else None,
    )


def _rate(record: DecisionRecord) -> float | None:
    """Requests/s, which are seen before anybody knows how fast a replica is; None: nobody sees."""
    decided, state = record.decision, record.after
    if decided.rate is not None or decided.freshness is MetricsFreshness.LOST:
        return decided.rate
    return estimate(state) if state is not None and len(state.rates) > 1 else None
