"""The rate of now, and the memory of what came."""

import math

import pytest

from triton_operator.autoscaling.demand import BINS, estimate, settled, with_traffic
from triton_operator.autoscaling.observation import Traffic
from triton_operator.autoscaling.state import BIN_SECONDS, ScalingState
from triton_operator.planning.plain_values import decoded, encoded


def looked(rates: list[float], seconds: float = 1.0) -> ScalingState:
    state, now = ScalingState(), 1000.0
    for rate in rates:
        now += seconds
        state = with_traffic(state, now, Traffic(seconds, rate * seconds))
    return state


def test_nothing_seen_is_no_rate() -> None:
    assert estimate(ScalingState()) == 0.0


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([100.0] * 30, 100.0),
        ([100.0, 110.0, 90.0, 105.0, 95.0] * 6, 100.0),
        ([100.0] * 30 + [500.0] * 3, 500.0),
        ([100.0] * 30 + [130.0], 102.0),
        ([100.0] * 30 + [500.0], 500.0),
        ([100.0] * 30 + [500.0] * 8, 500.0),
        ([100.0] * 30 + [500.0] * 8 + [1200.0], 1200.0),
        ([100.0] * 30 + [500.0] + [100.0] * 7, 150.0),
        ([500.0] * 30 + [100.0] * 3, 420.0),
    ],
    ids=[
        "steady",
        "noisy",
        "a jump",
        "one look that is a little more is no jump",
        "one that is far more is",
        "a jump stays known",
        "a second one after it",
        "a burst that is over fades",
        "a fall is believed late",
    ],
)
def test_the_rate_of_now(rates: list[float], expected: float) -> None:
    assert estimate(looked(rates)) == pytest.approx(expected, rel=0.02)


def test_what_settled_does_not_know_the_jump_yet() -> None:
    state = looked([100.0] * 30 + [500.0] * 3)

    assert settled(state) == pytest.approx(180.0)


def test_looks_fill_pieces_of_time_whatever_their_length() -> None:
    for seconds in (0.5, 1.0, 2.0, 5.0):
        state = looked([80.0] * int(60 / seconds), seconds)

        assert state.bins == pytest.approx((80.0,) * int(60 / BIN_SECONDS))
        assert len(state.estimates) == len(state.bins)


def test_a_look_over_several_pieces_is_spread_over_them() -> None:
    state = with_traffic(looked([100.0] * 5), 1020.0, Traffic(15.0, 300.0))

    assert state.bins == pytest.approx((100.0, 20.0, 20.0, 20.0))


def test_a_gap_is_not_a_zero() -> None:
    state = with_traffic(looked([100.0] * 10), 1031.0, Traffic(1.0, 100.0))

    assert [math.isnan(one) for one in state.bins] == [False, False, True, True, True, True]


def test_after_more_than_an_hour_the_memory_begins_anew() -> None:
    state = with_traffic(looked([100.0] * 20), 9000.0, Traffic(1.0, 100.0))

    assert len(state.bins) <= 1


def test_the_memory_is_bounded() -> None:
    state = looked([50.0] * 1200, 5.0)

    assert BINS <= len(state.bins) <= BINS + 120
    assert len(state.rates) <= 13


def test_a_state_is_what_it_was_after_it_was_stored() -> None:
    state = looked([100.0, 120.0, 80.0] * 10)

    assert decoded(ScalingState, encoded(state)) == state
