"""When replicas go, and what is remembered of targets for when metrics are lost."""

import pytest

from triton_operator.autoscaling.reasons import Why
from triton_operator.autoscaling.scale_down import (
    FORGOTTEN_SECONDS,
    LONGEST_PATIENCE_SECONDS,
    descend,
    patience_seconds,
    with_target,
    with_want,
)
from triton_operator.autoscaling.state import ScalingState


@pytest.mark.parametrize(
    ("until", "highest"),
    [(869.0, 20), (905.0, 20), (870.0 + FORGOTTEN_SECONDS - 5, 20), (875.0 + FORGOTTEN_SECONDS, 8)],
)
def test_a_target_is_remembered_from_when_it_ended(until: float, highest: int) -> None:
    """20 until 870 s, 8 from then on; looks every 5 s."""
    state, ordered = ScalingState(), 20
    for now in range(0, int(until) + 1, 5):
        target = 20 if now < 870 else 8
        state = with_target(state, float(now), ordered, target)
        ordered = target

    assert max(number for _, number in state.targets) == highest


def test_targets_of_long_ago_are_forgotten() -> None:
    state = ScalingState()
    for now in range(0, 10_000, 10):
        state = with_target(state, float(now), 5, 5 + now // 10 % 2)

    assert len(state.targets) <= FORGOTTEN_SECONDS / 10 + 1


LEAD = 60.0


@pytest.mark.parametrize(
    ("ordered", "wanted", "needed_ago", "stay"),
    [
        pytest.param(10, 9, 30, 10, id="a small step waits"),
        pytest.param(10, 9, 61, 9, id="for as long as a start takes"),
        pytest.param(10, 6, 30, 7, id="of a large step, a small one waits"),
        pytest.param(40, 30, 30, 33, id="a tenth is small"),
        pytest.param(3, 2, 30, 2, id="one of three is not small"),
        pytest.param(40, 6, 61, 26, id="a third at once at most"),
    ],
)
def test_how_many_stay(ordered: int, wanted: int, needed_ago: float, stay: int) -> None:
    """Nothing was wanted for lasting demand but what is wanted now."""
    now = 10_000.0
    state = ScalingState(watching_since=0.0, needed_at=now - needed_ago)
    state = with_want(state, now, ordered, wanted, wanted)

    assert descend(state, now, LEAD, ordered).replicas == stay


def test_what_was_wanted_for_lasting_demand_stays_as_long_as_a_start_takes() -> None:
    state = with_want(ScalingState(watching_since=0.0), 1000.0, 10, 10, 10)
    state = with_want(state, 1030.0, 10, 5, 5)

    descent = descend(state, 1030.0, LEAD, 10)
    assert descent.replicas == 10
    assert [one.why for one in descent.reasons] == [Why.KEPT]
    assert descend(with_want(state, 1061.0, 10, 5, 5), 1061.0, LEAD, 10).replicas == 6


def test_each_small_turn_makes_small_steps_wait_four_times_as_long() -> None:
    state, ordered, patience = ScalingState(), 10, []
    for now, target in ((0.0, 11), (100.0, 10), (200.0, 11), (300.0, 10)):
        state = with_target(state, now, ordered, target)
        ordered = target
        patience.append(patience_seconds(state, now, LEAD))

    assert patience == [60.0, 240.0, 960.0, LONGEST_PATIENCE_SECONDS]
    assert patience_seconds(state, 3801.0, LEAD) == 240.0, "two are an hour ago"


@pytest.mark.parametrize(
    ("first", "second", "later"),
    [
        pytest.param((10, 20), (20, 19), 50.0, id="a small step after a large one"),
        pytest.param((10, 20), (20, 10), 50.0, id="large ones"),
        pytest.param((10, 11), (11, 10), 4000.0, id="what came an hour before"),
        pytest.param((3, 4), (4, 3), 50.0, id="one of few"),
        pytest.param((10, 11), (11, 12), 50.0, id="the same direction"),
    ],
)
def test_what_is_no_wavering(first: tuple[int, int], second: tuple[int, int], later: float) -> None:
    state = with_target(ScalingState(), 0.0, *first)
    state = with_target(state, later, *second)

    assert patience_seconds(state, later, LEAD) == 60.0


def test_patience_ends_somewhere() -> None:
    state = ScalingState(turns=tuple(float(number) for number in range(3000)))

    assert patience_seconds(state, 3000.0, LEAD) == LONGEST_PATIENCE_SECONDS
