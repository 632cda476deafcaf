"""What of a look is an answer, and which answers are news."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.controllers.answers import FIGURES, answer, changed
from tests.unit.controllers.questions import question
from tests.unit.controllers.world import DEPLOYMENT, NOW
from triton_operator.api import reasons as conditions
from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.attainment import Attainment
from triton_operator.autoscaling.curve_drift import DriftMemory, with_batches
from triton_operator.autoscaling.decision import Decision
from triton_operator.autoscaling.decision_record import DecisionRecord
from triton_operator.autoscaling.failures import Ended
from triton_operator.autoscaling.judgement import Judgement, PoolMemory, ServiceMemory
from triton_operator.autoscaling.look import LatencySource, Look
from triton_operator.autoscaling.observation import Observation, Traffic
from triton_operator.autoscaling.reasons import Reason, Why, reason
from triton_operator.autoscaling.scaling_question import ScalingQuestion
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.spill_reasons import PoolReason
from triton_operator.autoscaling.state import ScalingState
from triton_operator.controllers.scaling_answer import (
    TOLD_EVERY_SECONDS,
    Change,
    ScalingAnswer,
    answer_of,
    is_news,
)
from triton_operator.planning.measured_curve import MeasuredCurve
from triton_operator.planning.service_curve import ServiceCurve

SETTINGS = ScalingSettings(objective_seconds=0.25)
DEMAND = reason(Why.DEMAND, rate=40, outlook=44, lead=19, safe=65)
TELLS = Look(Traffic(1.0, 40.0), 2.0, 1, 1, 1, 0.5, p99_seconds=0.07)


def judged(after: int, before: int = 1, *reasons: Any, now: float = NOW, **more: Any) -> Judgement:
    """A look at `before` ready replicas that says `after`."""
    seen = Observation(
        now=now,
        ready=before,
        traffic=Traffic(1.0, 40.0),
        reporting=before,
        curve=ServiceCurve(0.02, 0.01, 8),
        lead_seconds=19.0,
    )
    of_fleet = tuple(one for one in reasons if isinstance(one, Reason))
    decision = Decision(after, MetricsFreshness.FRESH, of_fleet or (DEMAND,), 40.0, 65.0)
    return Judgement(
        look=TELLS,
        record=DecisionRecord(
            replace(seen, **more), SETTINGS, 1.0, decision, ScalingState(), ScalingState()
        ),
        ordered=before,
        ready=before,
        replicas={DEPLOYMENT: after},
        reasons=reasons or (DEMAND,),
        safe_rates={"cpu": 65.0},
    )


def said(
    judgement: Judgement,
    previous: ScalingAnswer | None = None,
    asked: ScalingQuestion = question(),  # noqa: B008 - a value
    memory: ServiceMemory = ServiceMemory(),  # noqa: B008 - a value
) -> ScalingAnswer:
    return answer_of(asked, memory, judgement, previous)


def slower_by(share: float, executions: int = 1000, milliseconds: int = 30) -> ServiceMemory:
    """Batches of one that take so much longer than their profile says."""
    seconds = milliseconds / 1000
    profile = MeasuredCurve(((1, seconds),), 1)
    rows = [(1, executions, executions * seconds * (1 + share))]
    drift = with_batches(DriftMemory(), profile, NOW, rows)
    return ServiceMemory(pools={"cpu": PoolMemory(drift=drift)})


def in_time(share: float | None) -> ServiceMemory:
    """So many of the requests of the last minutes were within the objective."""
    rows = () if share is None else ((NOW, 1000.0, 1000.0 * share),)
    return ServiceMemory(attainment=Attainment(rows))


def test_an_answer_says_what_was_seen() -> None:
    found = said(judged(1))

    assert (found.replicas, found.ready, found.freshness) == ({DEPLOYMENT: 1}, 1, "Fresh")
    assert found.reasons == (DEMAND.sentence,)
    assert (found.figures.rate, found.figures.safe_rate, found.figures.waiting) == (40, 65, 2)
    assert found.figures.fastest_seconds == pytest.approx(0.03), "a batch of one"
    assert found.change is None, "the number that is ordered is right"


RATES = tuple((NOW - 4 + second, 1.0, 3.0) for second in range(5))


@pytest.mark.parametrize(
    ("rates", "freshness", "rate"),
    [
        pytest.param(RATES, MetricsFreshness.FRESH, 3.0, id="how fast is not known"),
        pytest.param(RATES[:1], MetricsFreshness.FRESH, None, id="the first look"),
        pytest.param(RATES, MetricsFreshness.LOST, None, id="silence is no load of then"),
    ],
)
def test_the_load_is_told_before_the_speed_of_a_replica_is_known(
    rates: tuple[tuple[float, float, float], ...], freshness: MetricsFreshness, rate: float | None
) -> None:
    judgement = judged(1, curve=None)
    decision = Decision(1, freshness, (reason(Why.CURVE_UNKNOWN),))
    record = replace(judgement.record, decision=decision, after=ScalingState(rates=rates))

    figures = said(replace(judgement, record=record)).figures

    assert (figures.rate, figures.safe_rate) == (rate, None)


def test_bounds_that_were_met_are_named() -> None:
    met = reason(Why.AT_MAXIMUM, wanted=14, bound=10)

    assert said(judged(10, 1, DEMAND, met)).limits == {conditions.AT_MAXIMUM: met.sentence}


@pytest.mark.parametrize(
    "met",
    [
        reason(Why.UNSCHEDULABLE, unschedulable=2),
        PoolReason("l4", reason(Why.POOL_FULL, taken=2)),
        reason(Why.NO_ROOM, served=80, wanted=120),
    ],
    ids=lambda met: type(met).__name__,
)
def test_whatever_lacks_room_is_one_condition(met: Any) -> None:
    assert said(judged(2, 1, DEMAND, met)).limits == {conditions.UNSCHEDULABLE: met.sentence}


def test_of_several_pools_without_room_the_first_is_named() -> None:
    met = [PoolReason(name, reason(Why.POOL_FULL, taken=2)) for name in ("l4", "a100")]

    assert said(judged(2, 1, *met)).limits == {conditions.UNSCHEDULABLE: met[0].sentence}


def test_an_answer_over_pools_has_each_ones_number_and_speed() -> None:
    look = replace(
        judged(3),
        replicas={"filetype-l4": 2, DEPLOYMENT: 4},
        ordered=5,
        safe_rates={"l4": 650.0, "cpu": 65.0},
        alone="l4",
    )

    found = said(look)

    assert found.replicas == {"filetype-l4": 2, DEPLOYMENT: 4}
    assert (found.safe_rates, found.alone) == ({"l4": 650.0, "cpu": 65.0}, "l4")
    assert found.change is not None
    assert (found.change.before, found.change.after) == (5, 6), "over all pools"


def test_who_is_aside_is_told_where_replicas_follow_the_load() -> None:
    look = replace(judged(1), aside=frozenset({"crowded"}))

    assert said(look).aside == {"crowded"}
    assert said(judged(1)).aside is None, "nothing is known"
    for known in (look, judged(1)):
        assert said(known, asked=question(scales=False)).aside == frozenset()


def test_another_number_is_a_change_with_its_reasons() -> None:
    assert said(judged(3)).change == Change(NOW, 1, 3, DEMAND.sentence)


def test_a_change_stays_the_same_until_it_is_carried_out_and_after() -> None:
    first = said(judged(3))
    while_starting = said(judged(3, 1, now=NOW + 1), first)
    there = said(judged(3, 3, now=NOW + 60), while_starting)

    assert first.change == while_starting.change == there.change


def test_the_next_number_is_the_next_change() -> None:
    first = said(judged(3))

    assert said(judged(4, 3, now=NOW + 60), first).change == Change(NOW + 60, 3, 4, DEMAND.sentence)


@pytest.mark.parametrize(
    ("least", "most", "told", "after", "why"),
    [
        (2, 10, 1, 2, "spec.scaling.minReplicas is 2: without it there would be 1"),
        (1, 3, 5, 3, "5 are wanted, but spec.scaling.maxReplicas is 3"),
        (1, 10, 1, 2, None),
        (2, 10, 3, 2, None),
    ],
    ids=["kubectl scale", "a lower maximum", "by others", "within the bounds"],
)
def test_a_bound_that_moved_is_a_change_although_it_was_carried_out_before_the_look(
    least: int, most: int, told: int, after: int, why: str | None
) -> None:
    settings = replace(SETTINGS, least=least, most=most)
    long_ago = Change(NOW - 900, 2, 1, "long ago")
    before = replace(said(judged(told, told)), change=long_ago)

    found = said(judged(after, after), before, question(settings=settings))

    assert found.change == (Change(NOW, told, after, why) if why else long_ago)
    unfollowed = replace(before, scales=False)
    assert said(judged(after, after), unfollowed, question(settings=settings)).change == long_ago


def test_what_nobody_follows_is_no_change() -> None:
    assert said(judged(3), asked=question(scales=False)).change is None


def test_what_was_decided_while_paused_is_a_change_once_it_is_followed() -> None:
    long_ago = replace(said(judged(1)), change=Change(NOW - 900, 2, 1, "long ago"))
    paused = said(judged(3), long_ago, question(scales=False))
    assert paused.change == long_ago.change

    followed = said(judged(3, 1, now=NOW + 5), paused)

    assert followed.change == Change(NOW + 5, 1, 3, DEMAND.sentence)


NEWS: dict[str, ScalingAnswer] = {
    "another number": answer(4),
    "another deployment": replace(answer(), replicas={"x": 3}),
    "a change": changed(1, 3),
    "followed by nobody now": answer(3, scales=False),
    "metrics are old": answer(3, freshness=MetricsFreshness.STALE),
    "metrics are lost": answer(3, freshness=MetricsFreshness.LOST),
    "a bound is met": answer(3, limits={conditions.AT_MAXIMUM: "14 are wanted"}),
    "as many, elsewhere": replace(answer(), replicas={DEPLOYMENT: 1, "filetype-l4": 2}),
    "one pool alone gets requests": answer(3, alone="cpu"),
    "none is ready": answer(3, ready=0),
    "a replica's speed is not known": answer(3, figures=replace(FIGURES, safe_rate=None)),
}
NO_NEWS: dict[str, ScalingAnswer] = {
    "the same": answer(3),
    "a moment later": answer(3, time=NOW + 1),
    "other words": answer(3, reasons=("demand jumped to 230 requests/s",)),
    "figures that move all the time": answer(3, figures=replace(FIGURES, rate=500.0)),
    "some pods are silent": answer(3, freshness=MetricsFreshness.PARTIAL),
    "one more is ready": answer(3, ready=2),
    "others to go first": answer(3, removable={DEPLOYMENT: ("a",)}),
    "after a minute, about the same": answer(
        3,
        time=NOW + TOLD_EVERY_SECONDS,
        figures=replace(FIGURES, rate=FIGURES.rate * 1.05),  # type: ignore[operator]
    ),
    "one look has no rates": answer(9, early=True, freshness=MetricsFreshness.STALE),
}
LATER: dict[str, dict[str, Any]] = {
    "rate": {"figures": replace(FIGURES, rate=240.0)},
    "waits": {"figures": replace(FIGURES, waiting=40.0)},
    "attainment": {"figures": replace(FIGURES, attainment=0.5)},
    "attainment is not counted any more": {"figures": replace(FIGURES, attainment=None)},
    "requests fail": {"figures": replace(FIGURES, ended=Ended(900.0, 90.0))},
    "failures are not counted any more": {"figures": replace(FIGURES, ended=None)},
    "cold start": {"figures": replace(FIGURES, lead_seconds=30.0)},
    "latency comes from elsewhere": {"latency_source": LatencySource.MODEL},
    "some pods are silent": {"freshness": MetricsFreshness.PARTIAL},
}


@pytest.mark.parametrize("name", NEWS)
def test_news(name: str) -> None:
    assert is_news(answer(3), NEWS[name])


@pytest.mark.parametrize("name", NO_NEWS)
def test_no_news(name: str) -> None:
    assert not is_news(answer(3), NO_NEWS[name])


@pytest.mark.parametrize("name", LATER)
def test_what_is_shown_follows_once_a_minute(name: str) -> None:
    moved = answer(3, **LATER[name])

    assert not is_news(answer(3), replace(moved, time=NOW + TOLD_EVERY_SECONDS - 1))
    assert is_news(answer(3), replace(moved, time=NOW + TOLD_EVERY_SECONDS))


@pytest.mark.parametrize(
    ("told", "now", "news"),
    [(100.0, 0.0, True), (100.0, 210.0, True), (100.0, 190.0, False), (0.2, 2.0, False)],
)
def test_a_rate_that_jumps_is_told_within_seconds(told: float, now: float, news: bool) -> None:
    """A quarter of what a replica does is worth telling; a few requests more or less are not."""
    before = answer(3, figures=replace(FIGURES, rate=told))
    after = answer(3, figures=replace(FIGURES, rate=now))

    assert not is_news(before, replace(after, time=NOW + 9))
    assert is_news(before, replace(after, time=NOW + 10)) is news


@pytest.mark.parametrize(
    ("before", "after", "news"),
    [(0.985, 0.955, True), (0.955, 0.985, True), (0.985, 0.975, False), (None, 0.985, True)],
)
def test_that_the_objective_is_missed_is_told(
    before: float | None, after: float, news: bool
) -> None:
    """What lies between 99 % and 96 % is far less than a tenth, and variants go by it."""
    asked = question(settings=replace(SETTINGS, attainment=0.97))

    def kept(share: float | None, now: float) -> ScalingAnswer:
        return said(judged(1, now=now), asked=asked, memory=in_time(share))

    told, later = kept(before, NOW), kept(after, NOW + TOLD_EVERY_SECONDS)
    assert is_news(told, later) is news
    assert not is_news(told, replace(later, time=NOW + TOLD_EVERY_SECONDS - 1))


@pytest.mark.parametrize(("p99", "kept"), [(0.07, True), (0.26, False), (None, None)])
def test_without_shares_the_p99_says_whether_it_is_kept(
    p99: float | None, kept: bool | None
) -> None:
    look = replace(judged(1), look=replace(TELLS, p99_seconds=p99))

    assert said(look, asked=question(settings=SETTINGS)).kept is kept


def test_the_first_answer_is_news() -> None:
    assert is_news(None, answer())


def test_metrics_that_came_once_are_not_said_to_be_missing() -> None:
    """The first look at a pod that has just become ready has no rates yet."""
    first = said(judged(1, traffic=None))
    assert first.early

    assert not is_news(None, first)
    assert not is_news(answer(1, ready=0), first)
    assert said(judged(1, 1, reason(Why.FIRST_LOOK))).early, "nor has the second a decision"
    assert is_news(None, said(judged(1, traffic=None, reporting=0))), "silence is told"


def test_a_profile_that_does_not_hold_is_told_and_is_news() -> None:
    before = said(judged(1), memory=slower_by(0.1))
    drifted = said(judged(1), before, memory=slower_by(0.4))

    assert before.drifted == {}
    assert drifted.drifted["cpu"].overall == pytest.approx(0.4)
    assert is_news(before, drifted)
    assert said(judged(1), drifted, memory=slower_by(0.22)).drifted, "near the bound it stays"
    assert said(judged(1), drifted, memory=slower_by(0.1)).drifted == {}


def test_a_drift_stays_told_while_too_little_runs() -> None:
    drifted = said(judged(1), memory=slower_by(0.4))

    idle = said(judged(1), drifted, memory=slower_by(0.0, executions=10))

    assert idle.drifted == drifted.drifted
    assert said(judged(1), drifted).drifted == {}, "there is no profile any more"
    other = slower_by(0.0, executions=10, milliseconds=40)
    assert said(judged(1), drifted, memory=other).drifted == {}, "it was another one"
