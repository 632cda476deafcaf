"""What to measure next: doubling, as long as it is worth it and there is time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.api.enums import MeasurementEnd
from triton_operator.model.measurement.schedule import (
    FEWEST_READINGS,
    Done,
    Next,
    Timed,
    batch_sizes,
    better_half,
    executions_per_reading,
    halving_rounds,
    is_enough,
    next_size,
    share_of_round,
)


def end_of(step: Next | Done) -> MeasurementEnd:
    assert isinstance(step, Done)
    return step.end


@pytest.mark.parametrize(
    ("largest", "sizes"),
    [(1, (1,)), (2, (1, 2)), (6, (1, 2, 4, 6)), (16, (1, 2, 4, 8, 16)), (17, (1, 2, 4, 8, 16, 17))],
)
def test_sizes_double_and_end_with_the_largest(largest: int, sizes: tuple[int, ...]) -> None:
    assert batch_sizes(largest) == sizes


def test_what_is_left_is_shared() -> None:
    assert next_size([], 8, 40.0) == Next(1, 10.0)
    assert next_size([Timed(1, 0.01)], 8, 39.0) == Next(2, 13.0)


def test_a_step_of_the_curve_is_climbed() -> None:
    """Measured: 0.335, 0.439, 0.809, 1.635, 1.763 ms for 1 to 16."""
    curve = [Timed(1, 0.335e-3), Timed(2, 0.439e-3), Timed(4, 0.809e-3), Timed(8, 1.635e-3)]

    assert next_size(curve, 16, 10.0) == Next(16, 10.0)


def test_two_sizes_that_do_less_are_enough() -> None:
    curve = [Timed(1, 0.010), Timed(2, 0.015), Timed(4, 0.040), Timed(8, 0.080)]

    assert end_of(next_size(curve, 16, 10.0)) is MeasurementEnd.SLOWER


@pytest.mark.parametrize("seconds_left", [0.0, 0.01, 1.0])
def test_the_smallest_size_is_always_measured(seconds_left: float) -> None:
    assert isinstance(next_size([], 8, seconds_left), Next)


def test_a_size_that_there_is_no_time_for() -> None:
    time = 0.1
    needed = 2 * time * FEWEST_READINGS

    assert isinstance(next_size([Timed(1, time)], 8, needed * 1.01), Next)
    assert end_of(next_size([Timed(1, time)], 8, needed * 0.99)) is MeasurementEnd.BUDGET


def test_what_ended_for_who_measured() -> None:
    """Another service may have a looser objective, or take larger batches."""
    curve = [Timed(1, 0.010), Timed(2, 0.015)]

    assert end_of(next_size(curve, 2, 10.0)) is MeasurementEnd.MAX_BATCH_SIZE
    assert end_of(next_size(curve, 4, 10.0, 0.0149)) is MeasurementEnd.OBJECTIVE
    assert isinstance(next_size(curve, 4, 10.0, 0.015), Next)


def test_readings_end_when_they_agree_or_when_time_is_up() -> None:
    assert is_enough([1.0] * 7, used_seconds=1, share_seconds=10)
    assert not is_enough([1.0] * 6, used_seconds=1, share_seconds=10)
    assert not is_enough([1.0, 2.0] * 10, used_seconds=1, share_seconds=10)
    assert is_enough([1.0, 2.0] * 10, used_seconds=10, share_seconds=10)
    assert is_enough([1.0], used_seconds=10, share_seconds=10)
    assert not is_enough([], used_seconds=10, share_seconds=10)


def test_fast_executions_are_read_together() -> None:
    assert executions_per_reading(0.010) == 1
    assert executions_per_reading(0.001) == 5
    assert executions_per_reading(1e-6) == 64
    assert executions_per_reading(0.0) == 64


def test_the_better_half_stays() -> None:
    assert better_half({"a": 1.0, "b": 3.0, "c": 2.0}) == ("b", "c")
    assert better_half({"a": 1.0, "b": 1.0}) == ("a",)
    assert better_half({"a": 1.0}) == ("a",)


@given(st.integers(1, 200), st.floats(1, 1000))
def test_halving_leaves_one_within_the_budget(candidates: int, budget: float) -> None:
    left, used = candidates, 0.0
    for _ in range(halving_rounds(candidates)):
        used += left * share_of_round(budget, candidates, left)
        left = len(better_half(dict.fromkeys(map(str, range(left)), 1.0)))

    assert left == 1
    assert used == pytest.approx(budget)
