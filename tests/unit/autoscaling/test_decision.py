"""Decisions on an imagined service: what they must and must never do, and the reasons they give."""

import itertools
import math
from dataclasses import replace

import pytest

from tests.unit.autoscaling.looks import CURVE, LEAD_SECONDS, Service, seen_as
from triton_operator.api.enums import MetricsFreshness, Preference
from triton_operator.autoscaling.decision import Decision
from triton_operator.autoscaling.freshness import freshness
from triton_operator.autoscaling.observation import Observation, Traffic
from triton_operator.autoscaling.reasons import Why
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.state import ScalingState
from triton_operator.planning.plain_values import decoded, encoded
from triton_operator.planning.queue_model import safe_rate

SAFE_RATE = safe_rate(CURVE, 0.25, 0.99)


def whys(decision: Decision) -> list[Why]:
    return [one.why for one in decision.reasons]


@pytest.mark.parametrize("rate", [30.0, 200.0, 900.0])
def test_steady_demand_gets_what_keeps_the_objective_and_hardly_more(rate: float) -> None:
    service = Service(ready=1)

    service.looks(rate, 600)

    needed = math.ceil(rate / SAFE_RATE)
    assert needed <= service.ready <= math.ceil(1.25 * needed)
    assert service.pending == 0.0


def test_a_step_is_answered_at_once_and_its_queue_is_served() -> None:
    service = Service(ready=2)
    service.looks(100.0, 300)

    before = service.ordered
    service.looks(500.0, 3)

    assert service.ordered >= math.ceil(500 / SAFE_RATE) > before
    service.looks(500.0, int(LEAD_SECONDS) + 25)
    assert service.pending == 0.0


def test_what_was_ordered_for_a_queue_goes_when_the_queue_has_gone() -> None:
    """Not one cold start later: the demand that lasts needs fewer."""
    service = Service(ready=2)
    service.looks(100.0, 300)
    service.looks(500.0, int(LEAD_SECONDS) + 60)

    assert service.ordered <= math.ceil(1.35 * 500 / SAFE_RATE)


def test_pending_replicas_count_so_nothing_is_ordered_twice() -> None:
    service = Service(ready=2)
    service.looks(100.0, 300)
    service.looks(500.0, 10)

    most = max(decision.target for decision in service.decisions)
    service.looks(500.0, 15)

    assert max(decision.target for decision in service.decisions) <= 1.5 * most


def test_replicas_that_are_not_wanted_stay_for_as_long_as_a_start_takes() -> None:
    service = Service(ready=2)
    service.looks(500.0, 300)
    settled = service.ordered

    first = service.looks(60.0, int(LEAD_SECONDS) - 10)
    kept = service.ordered
    service.looks(60.0, 120)

    assert kept >= settled - 1
    assert Why.KEPT in whys(first)
    assert service.ordered <= 3


def test_at_most_a_third_goes_at_once() -> None:
    service = Service(ready=2)
    service.looks(900.0, 300)
    targets = [service.looks(20.0, 1).target for _ in range(120)]

    for before, after in itertools.pairwise(targets):
        assert after >= int(before * 0.66)


@pytest.mark.parametrize(
    ("age", "freshness", "why"),
    [
        (20.0, MetricsFreshness.STALE, Why.METRICS_STALE),
        (61.0, MetricsFreshness.LOST, Why.METRICS_LOST),
        (math.inf, MetricsFreshness.LOST, Why.NO_METRICS_YET),
    ],
)
def test_without_metrics_nothing_is_removed(
    age: float, freshness: MetricsFreshness, why: Why
) -> None:
    service = Service(ready=2)
    service.looks(500.0, 200)
    ordered = service.ordered
    service.change = seen_as(traffic=None, reporting=0, pending=0.0, metrics_age_seconds=age)

    for _ in range(200):
        decision = service.look(0.0)
        assert decision.target >= ordered
        assert decision.freshness is freshness

    assert why in whys(decision) or freshness is MetricsFreshness.STALE


def test_lost_metrics_bring_back_the_most_of_the_last_quarter_of_an_hour() -> None:
    service = Service(ready=2)
    service.looks(500.0, 300)
    most = service.ordered
    service.looks(60.0, 200)
    assert service.ordered < most
    service.change = seen_as(traffic=None, reporting=0, metrics_age_seconds=90.0)

    assert service.look(0.0).target >= most


def test_metrics_of_some_replicas_stand_for_all_and_remove_nothing() -> None:
    service = Service(ready=8)
    service.looks(450.0, 120)
    ordered = service.ordered
    service.change = lambda seen: seen_as(
        reporting=seen.ready // 2,
        traffic=type(seen.traffic)(1.0, 30.0),  # type: ignore[misc]
    )(seen)

    for _ in range(120):
        decision = service.look(450.0)

    assert decision.freshness is MetricsFreshness.PARTIAL
    assert service.ordered >= ordered


def silent(seen: Observation) -> Observation:
    """One of the ready replicas never tells, and has its part of the requests."""
    assert seen.traffic is not None
    told = (seen.ready - 1) / seen.ready
    arrivals = replace(seen.traffic, arrivals=told * seen.traffic.arrivals)
    pending = told * seen.pending
    return replace(seen, traffic=arrivals, pending=pending, reporting=seen.ready - 1)


@pytest.mark.parametrize("ready", [6, 8, 10])
def test_a_replica_that_never_tells_is_not_one_without_requests(ready: int) -> None:
    rate = 0.98 * ready * SAFE_RATE
    service, whole = Service(ready=ready), Service(ready=ready)
    service.change = silent

    targets = [service.look(rate).target for _ in range(600)]
    of_all = [whole.look(rate).target for _ in range(600)]

    assert service.decisions[-1].freshness is MetricsFreshness.FRESH
    assert targets == of_all, "as if it had told"


def test_a_queue_of_which_half_is_told_is_twice_as_long() -> None:
    service, half = Service(ready=4), Service(ready=4)
    half.change = lambda seen: replace(
        seen,
        traffic=replace(seen.traffic, arrivals=seen.traffic.arrivals / 2),  # type: ignore[type-var,union-attr]
        pending=seen.pending / 2,
        reporting=seen.ready // 2,
    )
    for one in (service, half):
        one.looks(200.0, 120)
        one.looks(700.0, 4)

    assert half.ordered >= service.ordered


def test_after_a_restart_nothing_is_removed_before_it_was_watched_for_a_while() -> None:
    service = Service(ready=12)

    early = [service.look(100.0).target for _ in range(int(LEAD_SECONDS) - 2)]
    service.looks(100.0, 120)

    assert min(early) == 12
    assert service.ordered < 6


def test_a_state_that_was_stored_goes_on_as_if_nothing_had_happened() -> None:
    service, other = Service(ready=2), Service(ready=2)
    for rate in (100.0, 300.0, 120.0):
        service.looks(rate, 100)
        other.looks(rate, 100)
        other.state = decoded(ScalingState, encoded(other.state))

    assert [one.target for one in other.decisions] == [one.target for one in service.decisions]


def test_the_bounds_hold_and_are_told() -> None:
    service = Service(ready=2, settings=ScalingSettings(0.25, least=2, most=4))

    high = service.looks(900.0, 30)
    assert high.target == 4
    assert Why.AT_MAXIMUM in whys(high)

    service.looks(0.0, 200)
    assert service.ordered == 2


def test_replicas_that_find_no_node_bound_the_order() -> None:
    service = Service(ready=4)
    service.looks(200.0, 60)
    service.change = seen_as(unschedulable=2, starting_seconds=(50.0, 50.0), ready=4)

    decision = service.looks(900.0, 10)

    assert decision.target == 6
    assert Why.UNSCHEDULABLE in whys(decision)


def test_nothing_is_decided_before_there_is_something_to_decide_from() -> None:
    service = Service(ready=3)
    first = service.look(500.0)
    service.change = seen_as(curve=None)
    blind = service.looks(500.0, 5)

    assert (first.target, whys(first)) == (3, [Why.FIRST_LOOK])
    assert (blind.target, whys(blind)) == (3, [Why.CURVE_UNKNOWN])


def test_where_no_request_comes_one_replica_is_enough_however_fast_it_is() -> None:
    service = Service(ready=3)
    service.change = seen_as(curve=None)

    early = service.looks(0.0, 40)
    idle = service.looks(0.0, 30)

    assert (early.target, whys(early)) == (3, [Why.CURVE_UNKNOWN]), "a minute says something"
    assert (idle.target, whys(idle)) == (1, [Why.IDLE])


def test_an_idle_minute_of_before_a_restart_removes_nothing_at_once() -> None:
    service, restarted = Service(ready=10), Service(ready=10)
    service.change = restarted.change = seen_as(curve=None)
    service.looks(0.0, 58)
    # A Prometheus gives the last hour back, and nobody knows what was wanted in it.
    restarted.now = service.now
    restarted.state = replace(ScalingState(), rates=service.state.rates)

    first = restarted.looks(0.0, int(LEAD_SECONDS) - 2)
    later = [restarted.look(0.0).target for _ in range(120)]

    assert (first.target, Why.IDLE in whys(first)) == (10, True)
    assert all(now >= int(before * 0.66) for before, now in itertools.pairwise([10, *later]))
    assert restarted.ordered == 1


@pytest.mark.parametrize("what", ["a request", "a queue", "a silent pod"])
def test_a_service_that_is_not_surely_idle_keeps_its_replicas(what: str) -> None:
    service = Service(ready=3)
    service.change = seen_as(curve=None)
    service.looks(0.0, 40)
    if what == "a request":
        service.looks(1.0, 1)
    elif what == "a queue":
        service.change = seen_as(curve=None, pending=1.0)
    else:
        service.change = seen_as(curve=None, reporting=2)

    assert service.looks(0.0, 30).target == 3


def test_idle_replicas_stay_within_the_bounds() -> None:
    service = Service(ready=3, settings=ScalingSettings(0.25, least=2))
    service.change = seen_as(curve=None)

    assert service.looks(0.0, 70).target == 2


def test_latency_first_takes_more_than_cost_first() -> None:
    bursts = [(200.0, 50), (320.0, 15)] * 12
    totals = {}
    for prefer in (Preference.COST, Preference.LATENCY):
        service = Service(ready=3, settings=ScalingSettings(0.25, most=40, prefer=prefer))
        for rate, count in bursts:
            service.looks(rate, count)
        totals[prefer] = sum(decision.target for decision in service.decisions)

    assert totals[Preference.LATENCY] > totals[Preference.COST]


def test_the_sentences_have_their_numbers() -> None:
    service = Service(ready=2)
    service.looks(100.0, 100)

    decision = service.looks(700.0, 6)

    assert "requests/s now" in decision.why
    assert "requests wait" in decision.why
    assert "{" not in decision.why


def test_deciding_twice_from_the_same_gives_the_same() -> None:
    one, two = Service(ready=2), Service(ready=2)
    for service in (one, two):
        for rate in (80.0, 400.0, 90.0, 0.0):
            service.looks(rate, 60)

    assert one.decisions == two.decisions
    assert one.state == two.state


@pytest.mark.parametrize(
    ("between", "age", "expected"),
    [
        (1.0, 5.0, MetricsFreshness.FRESH),
        (1.0, 5.1, MetricsFreshness.STALE),
        (5.0, 15.0, MetricsFreshness.FRESH),
        (5.0, 15.1, MetricsFreshness.STALE),
        (30.0, 30.0, MetricsFreshness.FRESH),
        (30.0, 30.1, MetricsFreshness.STALE),
        (60.0, 30.1, MetricsFreshness.STALE),
        (60.0, 60.1, MetricsFreshness.LOST),
    ],
)
def test_metrics_that_come_seldom_are_stale_before_they_are_lost(
    between: float, age: float, expected: MetricsFreshness
) -> None:
    seen = Observation(0.0, 2, traffic=Traffic(between, 1.0), reporting=2, metrics_age_seconds=age)

    assert freshness(seen, between) is expected
