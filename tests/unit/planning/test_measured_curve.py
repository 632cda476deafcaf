"""Measured times of batches: the points count, and where there are none, the slow side."""

import pytest

from triton_operator.planning.measured_curve import MeasuredCurve, curve_through

BENT = {1: 0.335, 2: 0.439, 4: 0.809, 8: 1.635, 16: 1.763}
"""Milliseconds that a real Triton took."""


def through(rows: dict[int, float], size: int = 8, instances: int = 1) -> MeasuredCurve:
    found = curve_through(rows.items(), size, instances)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("rows", "size", "expected", "why"),
    [
        (BENT, 8, 1.635, "a point is itself"),
        (BENT, 12, 1.699, "between two points a line"),
        (BENT, 32, 3.526, "beyond the last one larger batches win nothing"),
        ({4: 10.0, 8: 12.0}, 1, 10.0, "below the first one smaller batches win nothing"),
        ({1: 2.0, 2: 1.5, 4: 3.0}, 2, 2.0, "a larger batch is never told to be faster"),
        ({4: 3.0, 1: 2.0}, 1, 2.0, "the order of the rows does not matter"),
        ({1: 0.0}, 1, 0.01, "nothing takes no time"),
    ],
)
def test_times(rows: dict[int, float], size: int, expected: float, why: str) -> None:
    assert 1000 * through(rows).seconds(size) == pytest.approx(expected), why


def test_the_capacity_is_that_of_full_batches_on_every_instance() -> None:
    assert through(BENT, 16, 2).capacity == pytest.approx(2 * 16 / 0.001763)


def test_a_request_alone_is_known_where_one_was_measured() -> None:
    assert through(BENT).alone_seconds == pytest.approx(0.000335)
    assert through({2: 1.0}).alone_seconds is None


@pytest.mark.parametrize(
    ("rows", "size", "expected", "why"),
    [
        ({1: 30, 4: 60, 8: 100}, 8, (0.020, 0.010), "a line through all"),
        ({1: 30, 4: 60, 8: 500}, 4, (0.020, 0.010), "larger batches than there are do not count"),
        ({1: 30, 8: 100}, 4, (0.020, 0.010), "the largest batch counts, measured or not"),
        ({8: 100}, 8, (0.0, 0.0125), "one size: larger batches win nothing"),
        ({1: 10, 8: 10}, 8, (0.010, 0.0), "no time per request"),
    ],
)
def test_the_line_that_the_autoscaler_begins_with(
    rows: dict[int, float], size: int, expected: tuple[float, float], why: str
) -> None:
    line = through(rows, size, 2).line()

    assert (line.base_seconds, line.per_request_seconds) == pytest.approx(expected), why
    assert (line.max_batch_size, line.instances) == (size, 2)


def test_without_times_there_is_no_curve() -> None:
    assert curve_through([], 8, 1) is None
