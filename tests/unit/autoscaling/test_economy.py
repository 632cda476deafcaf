"""Replicas by their price: properties of the choice, on ways that are written down by hand."""

import numpy as np
import pytest

from triton_operator.autoscaling.economy import (
    Situation,
    replica_model,
    replicas_to_keep,
    replicas_to_order,
    replicas_to_rush,
)
from triton_operator.autoscaling.outlook import Outlook, outlook
from triton_operator.autoscaling.state import ScalingState
from triton_operator.planning.service_curve import ServiceCurve

MODEL = replica_model(ServiceCurve(0.020, 0.010, 8), 0.25, 0.99)
PIECES, LEAD = 10, 7
QUIET = Situation(0.0, 40)


def certain(rate: float) -> Outlook:
    return Outlook(np.full((1, PIECES), rate), np.ones(1))


def perhaps(low: float, high: float, chance: float) -> Outlook:
    rates = np.full((2, PIECES), low)
    rates[1] = high
    return Outlook(rates, np.array([1 - chance, chance]))


def order(ways: Outlook, price: float = 15.0, situation: Situation = QUIET) -> int:
    return replicas_to_order(MODEL, ways, situation, price, (1, 200), LEAD)


@pytest.mark.parametrize("rate", [1.0, 60.0, 130.0, 640.0, 3000.0])
def test_what_is_certain_is_met_and_no_more(rate: float) -> None:
    assert order(certain(rate)) == pytest.approx(rate / MODEL.safe_rate, abs=1 + 0.06 * rate / 64)


def test_a_dearer_miss_never_takes_fewer() -> None:
    ways = perhaps(200.0, 800.0, 0.05)
    orders = [order(ways, price) for price in (1.0, 5.0, 15.0, 60.0, 300.0)]

    assert orders == sorted(orders)
    assert orders[0] < orders[-1]


def test_a_likelier_burst_never_takes_fewer() -> None:
    orders = [order(perhaps(200.0, 800.0, chance)) for chance in (0.0, 0.01, 0.1, 0.3, 1.0)]

    assert orders == sorted(orders)


def test_a_rare_burst_is_not_waited_for_and_a_frequent_one_is() -> None:
    assert order(perhaps(200.0, 1000.0, 0.005)) == order(certain(200.0))
    assert order(perhaps(200.0, 1000.0, 0.3)) >= 1000.0 / MODEL.capacity


def test_a_queue_takes_more() -> None:
    waiting = Situation(6000.0, 3)

    assert order(certain(300.0), situation=waiting) > order(certain(300.0))


def test_to_keep_is_within_what_is_there() -> None:
    assert replicas_to_keep(MODEL, certain(300.0), QUIET, 15.0, (2, 9)) in range(4, 7)
    assert replicas_to_keep(MODEL, certain(560.0), QUIET, 15.0, (2, 9)) == 9
    assert replicas_to_keep(MODEL, certain(0.1), QUIET, 15.0, (2, 9)) == 2


def test_the_table_of_misses_is_that_of_the_queue() -> None:
    shares = MODEL.missed(np.array([0.0, 30.0, MODEL.safe_rate, 79.9, 500.0]))

    assert shares[0] == 0.0
    assert shares[2] == pytest.approx(0.01, abs=0.003)
    assert list(shares[-2:]) == [1.0, 1.0]


def test_without_a_memory_the_ways_are_mild() -> None:
    ways = outlook(ScalingState(), 100.0, PIECES)

    assert ways.weights.sum() == pytest.approx(1.0)
    assert 80 < ways.rates.min() < ways.rates.max() < 120


def test_moments_at_a_similar_rate_count_most() -> None:
    """At 100/s it doubled each time, at 800/s it stayed."""
    bins, estimates = [], []
    for _ in range(30):
        bins += [200.0] * 5 + [800.0] * 5
        estimates += [100.0] * 5 + [800.0] * 5
    state = ScalingState(bins=tuple(bins), estimates=tuple(estimates))

    low, high = outlook(state, 100.0, 2), outlook(state, 800.0, 2)

    assert (low.rates[:, 0] @ low.weights) / 100 > 1.5
    assert (high.rates[:, 0] @ high.weights) / 800 < 1.2


def test_gaps_in_the_memory_are_no_ways() -> None:
    nothing = (float("nan"),) * 40
    state = ScalingState(bins=nothing, estimates=nothing)

    ways = outlook(state, 100.0, PIECES)

    assert not np.isnan(ways.rates).any()
    assert ways.rates.shape == outlook(ScalingState(), 100.0, PIECES).rates.shape


def test_new_replicas_take_nothing_of_what_waits_in_others() -> None:
    """With 6,000 requests in two of nine, more replicas keep others from joining those; none helps
    who waits already, as it would be with one queue for all of them."""
    two = Situation(6000.0, 9, crowded=2)

    orders = [order(certain(300.0), price, two) for price in (15.0, 60.0)]

    assert order(certain(300.0)) < orders[0] < 20
    assert orders[0] < orders[1] < 6000 / 64


@pytest.mark.parametrize("price", [15.0, 120.0])
def test_a_rush_orders_more_where_some_starts_are_fast(price: float) -> None:
    short, bounds = Situation(500.0, 2), (8, 200)
    varied, even = np.linspace(0.0, 0.9, PIECES), np.repeat([0.0, 1.0], PIECES // 2)

    rushed = replicas_to_rush(MODEL, certain(500.0), short, price, bounds, varied)

    assert rushed > 8
    assert replicas_to_rush(MODEL, certain(500.0), short, price, bounds, even) == 8
