"""One look at a service after the other: what is remembered, and what comes of it."""

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.autoscaling.pods import pod, samples, told
from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.curve_drift import drift
from triton_operator.autoscaling.curve_memory import BatchReading
from triton_operator.autoscaling.exposition import ModelMetrics
from triton_operator.autoscaling.failures import Ended
from triton_operator.autoscaling.fleet import Fleet
from triton_operator.autoscaling.judgement import (
    SAME_CURVE,
    Judgement,
    ServiceMemory,
    Told,
    curve_of_requests,
    judge,
)
from triton_operator.autoscaling.lead_memory import Start
from triton_operator.autoscaling.reasons import Why
from triton_operator.autoscaling.samples import PodSample, PodTarget, Samples
from triton_operator.autoscaling.scaling_question import PoolQuestion, ScalingQuestion
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.steps import Step
from triton_operator.planning.measured_curve import MeasuredCurve
from triton_operator.planning.service_curve import GRID, ServiceCurve, rounded

PRIOR = ServiceCurve(0.020, 0.010, 8)
POOL = PoolQuestion("cpu", "filetype-cpu", largest_batch=8, instances=1, prior=PRIOR)
QUESTION = ScalingQuestion(
    "shop", "filetype", 250, ScalingSettings(objective_seconds=0.25), pools=(POOL,)
)


class Watched:
    """A service that is looked at each second."""

    def __init__(self, question: ScalingQuestion = QUESTION) -> None:
        self.question = question
        self.memory = ServiceMemory()
        self.fleet = Fleet(targets=(pod("a"),), ordered=1)
        self.now = 1000.0

    def look(self, told_now: Samples, **more: Any) -> Judgement:
        self.memory, judgement = judge(
            self.memory, self.question, {"cpu": self.fleet}, Told(told_now, **more), self.now, 1.0
        )
        self.now += 1
        return judgement

    def traffic(self, rate: float, looks: int) -> Judgement:
        """So many looks at a steady rate."""
        for _ in range(looks):
            judgement = self.look(samples(self.now, a=told(self.now, rate * (self.now - 1000))))
        return judgement

    @property
    def used(self) -> ServiceCurve:
        curve = self.memory.pools["cpu"].used
        assert curve is not None
        return curve


def reading(time: float, executions: int, slow: float = 1.0, instance: str = "shop/a/0") -> Any:
    totals = {size: (executions, executions * PRIOR.seconds(size) * slow) for size in (1, 4, 8)}
    return BatchReading(instance, time, {"filetype": totals}, (Step("filetype"),))


def test_one_look_decides_nothing() -> None:
    watched = Watched()
    watched.fleet = replace(watched.fleet, ordered=3, starting_seconds=(2.0, 2.0))

    judgement = watched.traffic(40, 1)

    assert judgement.replicas == {"filetype-cpu": 3}, "the number stays"
    assert judgement.record.observation.traffic is None
    assert judgement.record.decision.rate is None


def test_a_few_looks_tell_the_rate_and_what_it_needs() -> None:
    judgement = Watched().traffic(200, 8)

    assert judgement.record.decision.freshness is MetricsFreshness.FRESH
    assert judgement.record.decision.rate == pytest.approx(200, rel=0.1)
    assert judgement.replicas["filetype-cpu"] >= 3, "a replica does 80 requests/s at most"


def test_little_traffic_needs_one() -> None:
    assert Watched().traffic(5, 8).replicas == {"filetype-cpu": 1}


def test_bounds_are_the_questions() -> None:
    settings = ScalingSettings(objective_seconds=0.25, least=2, most=2)

    judgement = Watched(replace(QUESTION, settings=settings)).traffic(500, 8)

    assert judgement.replicas == {"filetype-cpu": 2}
    assert Why.AT_MAXIMUM in {one.why for one in judgement.record.decision.reasons}


def test_silence_keeps_what_there_is() -> None:
    watched = Watched()
    watched.fleet = replace(watched.fleet, ordered=4, starting_seconds=(1.0, 1.0, 1.0))

    judgement = watched.look(Samples("pods", watched.now))

    assert judgement.record.decision.freshness is MetricsFreshness.LOST
    assert judgement.replicas == {"filetype-cpu": 4}


def test_a_pod_that_takes_over_goes_on_with_what_is_known_of_the_load() -> None:
    """Its counters begin at zero: that is no fall of the traffic."""
    watched = Watched()
    before = watched.traffic(40, 20).record.decision.rate
    watched.fleet = Fleet(targets=(replace(pod("b"), started=watched.now - 0.5),), ordered=1)
    watched.look(samples(watched.now, b=told(watched.now, 0)))

    judgement = watched.look(samples(watched.now, b=told(watched.now, 40)))

    assert before is not None
    assert judgement.record.decision.rate is not None
    assert judgement.record.decision.rate == pytest.approx(before, rel=0.2)


def test_nothing_is_forgotten_of_a_pool_whose_deployment_has_another_name() -> None:
    watched = Watched()
    watched.traffic(40, 5)
    watched.fleet = replace(watched.fleet, starts=(Start("uid-a", 12.0),))
    watched.traffic(40, 1)
    watched.question = replace(QUESTION, pools=(replace(POOL, deployment="filetype-new"),))

    judgement = watched.traffic(40, 1)

    assert judgement.replicas.keys() == {"filetype-new"}
    assert judgement.record.observation.lead_seconds == 12.0


def test_a_pool_that_is_new_has_nothing_of_the_old_ones_curve() -> None:
    watched = Watched()
    watched.traffic(40, 5)
    watched.question = replace(QUESTION, pools=(replace(POOL, pool="l4", prior=None),))

    judgement = watched.look(samples(watched.now, a=told(watched.now, 0)))

    assert judgement.record.observation.curve is None
    assert set(watched.memory.pools) == {"l4"}


def test_starts_tell_the_lead() -> None:
    watched = Watched()
    watched.fleet = replace(watched.fleet, starts=(Start("a", 10.0), Start("b", 20.0)))

    assert watched.traffic(1, 1).record.observation.lead_seconds == pytest.approx(19)
    assert watched.traffic(1, 1).record.observation.lead_seconds == pytest.approx(19), "each once"


def test_before_the_first_start_the_pool_says_how_long_it_takes() -> None:
    question = replace(QUESTION, pools=(replace(POOL, start_seconds=7.0),))

    assert Watched(question).traffic(1, 1).record.observation.lead_seconds == 7.0


def test_readings_of_batches_become_the_curve() -> None:
    watched = Watched()
    watched.look(Samples("pods", 1000), readings={"cpu": reading(1000, 1000)})
    watched.look(Samples("pods", 1060), readings={"cpu": reading(1060, 2000, 1.5)})

    assert watched.used.seconds(8) > 1.3 * PRIOR.seconds(8)


def test_readings_of_batches_are_compared_with_the_profile() -> None:
    profile = MeasuredCurve(tuple((size, PRIOR.seconds(size)) for size in (1, 4, 8)), 8)
    watched = Watched(replace(QUESTION, pools=(replace(POOL, profile=profile),)))
    watched.look(Samples("pods", 1000), readings={"cpu": reading(1000, 1000)})
    assert drift(watched.memory.pools["cpu"].drift) is None, "what ran before is not known"

    watched.look(Samples("pods", 1060), readings={"cpu": reading(1060, 2000, 2.0)})

    # A thousand more, and three thousand times as long: 2 * 2000 - 1000.
    found = drift(watched.memory.pools["cpu"].drift)
    assert found is not None
    assert found.overall == pytest.approx(2.0)


def executed(time: float, executions: float, seconds: float = 0.060) -> PodSample:
    """Batches of four."""
    metrics = ModelMetrics(
        success=4 * executions,
        failures={},
        pending=0.0,
        inferences=4 * executions,
        executions=executions,
        compute_input_us=0.0,
        compute_infer_us=4 * executions * seconds * 1e6,
        compute_output_us=0.0,
    )
    return PodSample(time, metrics)


@pytest.mark.parametrize("unreadable", [True, False], ids=["unreadable", "not due"])
def test_metrics_tell_the_curve_where_no_statistics_are_to_be_had(unreadable: bool) -> None:
    watched = Watched(replace(QUESTION, pools=(replace(POOL, prior=None),)))
    pools = frozenset({"cpu"}) if unreadable else frozenset()
    for time in (1000, 1001, 1002):
        judgement = watched.look(
            samples(time, a=executed(time, 15.0 * (time - 990))), unreadable=pools
        )

    curve = judgement.record.observation.curve
    if unreadable:
        assert curve is not None
        assert curve.seconds(4) == pytest.approx(0.060, rel=0.01)
    else:
        assert curve is None


def test_a_handful_of_batches_is_no_curve_and_one_that_is_known_stays() -> None:
    watched = Watched(replace(QUESTION, pools=(replace(POOL, prior=None),)))
    found = []
    for time, executions in ((1000, 0.0), (1001, 19.0), (1002, 21.0), (1003 + 8 * 3600, 21.0)):
        judgement = watched.look(
            samples(time, a=executed(time, executions)), unreadable=frozenset({"cpu"})
        )
        found.append(judgement.record.observation.curve)

    assert found[:2] == [None, None]
    assert found[2] is not None
    assert found[3] == found[2]


@pytest.mark.parametrize(
    ("batches", "each", "known"),
    [(5, 8.5, False), (6, 10.5, True), (1, 130.0, True), (19, 0.1, False), (21, 0.1, True)],
)
def test_few_batches_are_a_curve_where_they_took_long(
    batches: int, each: float, known: bool
) -> None:
    watched = Watched(replace(QUESTION, pools=(replace(POOL, prior=None),)))
    for time, count in ((1000, 0), (1200, batches)):
        judgement = watched.look(
            samples(time, a=executed(time, count, each)), unreadable=frozenset({"cpu"})
        )

    assert (judgement.record.observation.curve is not None) == known


def rows(time: float, success: float, inferences: float) -> Samples:
    return samples(time, a=told(time, success, inferences=inferences, executions=success))


def test_requests_of_several_rows_share_a_batch_with_fewer_others() -> None:
    watched = Watched()
    watched.look(rows(1000, 0, 0))
    judgement = watched.look(rows(1001, 10, 40))

    assert watched.memory.rows.per_request == pytest.approx(4)
    assert judgement.record.observation.curve == rounded(ServiceCurve(0.020, 0.040, 2))


def test_rows_of_a_request_stay_known_while_none_comes() -> None:
    watched = Watched()
    watched.look(rows(1000, 0, 0))
    watched.look(rows(1001, 10, 40))
    watched.look(rows(1002, 10, 40))

    assert watched.memory.rows.per_request == pytest.approx(4)


def test_one_seconds_large_request_does_not_change_what_requests_are_like() -> None:
    """With few calls, one of 8 rows would be all there is to tell for a second."""
    watched = Watched()
    watched.look(rows(1000, 0, 0))
    watched.look(rows(1001, 99, 99))
    before = watched.used

    watched.look(rows(1002, 100, 107))

    assert watched.memory.rows.per_request == pytest.approx(1.07)
    assert (before.max_batch_size, watched.used.max_batch_size) == (8, 7)


def test_what_requests_were_like_minutes_ago_does_not_count() -> None:
    watched = Watched()
    watched.look(rows(1000, 0, 0))
    watched.look(rows(1001, 1000, 1000))
    watched.now = 1301.0
    watched.look(rows(1301, 1000, 1000))
    assert watched.memory.rows.per_request == 1.0

    watched.look(rows(1302, 1010, 1040))

    assert watched.memory.rows.per_request == pytest.approx(4)


@pytest.mark.parametrize(
    ("per_request", "largest"), [(0.25, 8), (1, 8), (2, 4), (2.03, 4), (3, 2), (8, 1), (20, 1)]
)
def test_a_batch_holds_whole_requests_and_at_least_one(per_request: float, largest: int) -> None:
    assert curve_of_requests(PRIOR, per_request).max_batch_size == largest


@pytest.mark.parametrize(
    ("rows", "per_request", "fit"), [(2, 1.05, 2), (2, 1.25, 2), (2, 1.6, 1), (8, 2.5, 3)]
)
def test_a_few_larger_requests_do_not_end_batching(rows: int, per_request: float, fit: int) -> None:
    """One request of two rows in twenty: batches of two are still batches of two."""
    curve = replace(PRIOR, max_batch_size=rows)

    assert curve_of_requests(curve, per_request).max_batch_size == fit


TINY = ServiceCurve(0.0001, 0.00001, 8)
"""30,000 requests/s and more by its batches."""


def of_tiny(throughput: float) -> Watched:
    return Watched(replace(QUESTION, pools=(replace(POOL, prior=TINY, throughput=throughput),)))


def test_no_more_is_expected_of_a_replica_than_its_server_takes() -> None:
    judgement = of_tiny(100.0).traffic(500, 8)

    assert judgement.record.observation.curve is not None
    assert judgement.record.observation.curve.capacity == pytest.approx(100)
    assert judgement.safe_rates["cpu"] < 100
    assert judgement.replicas["filetype-cpu"] >= 6
    assert of_tiny(math.inf).traffic(500, 8).replicas == {"filetype-cpu": 1}


def test_a_server_that_takes_more_than_batches_do_changes_nothing() -> None:
    watched = Watched(replace(QUESTION, pools=(replace(POOL, throughput=81.0),)))
    watched.traffic(40, 8)

    assert watched.used == rounded(PRIOR)


def test_replicas_that_answer_more_than_was_believed_are_believed() -> None:
    """Ten seconds of 500 requests/s each prove it; then nobody is missing any more."""
    watched = of_tiny(100.0)
    before = watched.traffic(500, 8).safe_rates["cpu"]

    after = watched.traffic(500, 6).safe_rates["cpu"]

    assert before < 100
    assert watched.used.capacity == pytest.approx(500, rel=0.01)
    assert 400 < after < 500
    quiet = watched.traffic(20, 1)
    assert quiet.safe_rates["cpu"] == after, "what was proven is not forgotten"


def test_the_measured_curve_is_bound_too() -> None:
    """Batches do not show what the server does for their requests."""
    watched = of_tiny(100.0)
    watched.look(Samples("pods", 1000), readings={"cpu": reading(1000, 1000, 0.001)})
    watched.look(Samples("pods", 1060), readings={"cpu": reading(1060, 9000, 0.001)})

    assert watched.used.capacity == pytest.approx(100)


@pytest.mark.parametrize(("steps", "stays"), [(1, True), (2, False)])
def test_a_curve_that_hardly_moved_stays_as_it_was(steps: int, stays: bool) -> None:
    """A new one costs a second of the only thread that decides; curves in use are on a grid."""
    assert math.exp(GRID) - 1 < SAME_CURVE < math.exp(2 * GRID) - 1
    watched = Watched()
    watched.traffic(1, 1)
    before = watched.used
    prior = PRIOR.slower_by(math.exp(steps * GRID))
    watched.question = replace(QUESTION, pools=(replace(POOL, prior=prior),))

    watched.traffic(1, 1)

    assert (watched.used == before) is stays
    assert watched.used in (before, rounded(prior))


def test_small_steps_do_not_add_up_unseen() -> None:
    """What is compared is the curve in use, not the last one that was found."""
    watched = Watched()
    watched.traffic(1, 1)
    for step in range(1, 11):
        prior = PRIOR.slower_by(1 + 0.5 * SAME_CURVE * step)
        watched.question = replace(QUESTION, pools=(replace(POOL, prior=prior),))
        watched.traffic(1, 1)
        assert watched.used.seconds(1) == pytest.approx(prior.seconds(1), rel=SAME_CURVE)


@pytest.mark.parametrize("change", [{"largest_batch": 4}, {"instances": 2}])
def test_a_curve_of_another_plan_is_another(change: dict[str, int]) -> None:
    watched = Watched()
    watched.traffic(1, 1)
    watched.question = replace(QUESTION, pools=(replace(POOL, **change),))  # type: ignore[arg-type]

    watched.traffic(1, 1)

    assert (watched.used.max_batch_size, watched.used.instances) in ((4, 1), (8, 2))


def test_attainment_is_over_the_last_minutes() -> None:
    def counted(time: float, late: float) -> Samples:
        done = 10.0 * (time - 1000)
        within = {249.0: done - late}
        return samples(time, a=told(time, done, answered=done, within_ms=within))

    watched = Watched()
    watched.look(counted(1000, 0))
    watched.look(counted(1001, 0))
    assert watched.memory.attainment.share == 1.0
    watched.look(counted(1002, 5))
    assert watched.memory.attainment.share == pytest.approx(0.75)
    watched.now = 1400.0
    watched.look(counted(1400, 5))
    assert watched.memory.attainment.share == 1.0, "what is five minutes old does not count"


def test_failures_are_over_the_last_minutes_but_for_requests_that_were_given_up() -> None:
    def counted(time: float, **failures: float) -> Samples:
        return samples(time, a=told(time, 10.0 * (time - 1000), failures=failures))

    watched = Watched()
    watched.look(counted(1000))
    assert watched.memory.failures.total is None, "one look has no difference"
    watched.look(counted(1001, BACKEND=2, CANCELED=7))
    watched.look(counted(1002, BACKEND=2, REJECTED=3, CANCELED=9))
    assert watched.memory.failures.total == Ended(pytest.approx(20.0), pytest.approx(5.0))
    watched.now = 1400.0
    watched.look(counted(1400, BACKEND=2, REJECTED=3, CANCELED=9))
    assert watched.memory.failures.total == Ended(pytest.approx(3980.0), 0.0)


def test_targets_of_a_fleet_are_what_is_looked_at() -> None:
    watched = Watched()
    stranger: PodTarget = pod("stranger")
    watched.traffic(40, 2)

    judgement = watched.look(
        samples(
            watched.now,
            a=told(watched.now, 80),
            stranger=told(watched.now, 1e6),
        )
    )

    assert stranger.instance not in {target.instance for target in watched.fleet.targets}
    assert judgement.look.expected == 1
    assert judgement.record.observation.reporting == 1
