"""The line through measured batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.planning.service_curve import (
    BatchSums,
    ServiceCurve,
    batches_between,
    fitted,
)

LINE = [(size, 10.0, 10.0 * (0.020 + 0.010 * size)) for size in (1, 2, 4, 8)]


def test_batches_on_a_line_give_that_line() -> None:
    curve = fitted(BatchSums().with_batches(LINE), None, 8, 1)

    assert curve is not None
    assert curve.seconds(1) == pytest.approx(0.030)
    assert curve.seconds(8) == pytest.approx(0.100)
    assert curve.capacity == pytest.approx(80.0)


@given(
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 4096),
    st.integers(1, 64),
    st.floats(0.1, 1e6),
)
def test_a_rate_bounds_what_full_batches_do(
    base: float, each: float, largest: int, instances: int, rate: float
) -> None:
    curve = ServiceCurve(base, each, largest, instances)

    bound = curve.at_most(rate)

    assert bound.capacity == pytest.approx(min(rate, curve.capacity))
    assert bound.seconds(1) >= curve.seconds(1) * (1 - 1e-9)
    assert bound.seconds(largest) >= curve.seconds(largest) * (1 - 1e-9)
    assert bound.base_seconds == base, "a request that is alone pays for itself only"
    if curve.capacity <= rate:
        assert bound is curve


def test_nothing_measured_is_no_curve() -> None:
    assert fitted(BatchSums(), None, 8, 1) is None


def test_one_size_alone_promises_nothing_of_larger_batches() -> None:
    """Without a prior: twice the batch takes twice the time."""
    curve = fitted(BatchSums().with_batches([(2, 100.0, 4.0)]), None, 8, 1)

    assert curve is not None
    assert curve.seconds(2) == pytest.approx(0.040)
    assert curve.seconds(4) == pytest.approx(0.080)


def test_one_size_alone_scales_the_prior() -> None:
    prior = ServiceCurve(0.020, 0.010, 8)

    curve = fitted(BatchSums().with_batches([(2, 100.0, 8.0)]), prior, 8, 1)

    assert curve is not None
    assert curve.seconds(2) == pytest.approx(2 * prior.seconds(2))
    assert curve.seconds(8) == pytest.approx(2 * prior.seconds(8))


def test_neither_part_of_the_line_is_negative() -> None:
    """Noise may say that larger batches are faster, or that an empty one takes less than none."""
    faster = fitted(BatchSums().with_batches([(1, 10.0, 1.0), (8, 10.0, 0.5)]), None, 8, 1)
    steeper = fitted(BatchSums().with_batches([(1, 10.0, 0.01), (8, 10.0, 1.0)]), None, 8, 1)

    assert faster is not None
    assert steeper is not None
    assert faster.per_request_seconds == 0.0
    assert steeper.base_seconds == pytest.approx(0.0)


def test_old_batches_fade() -> None:
    sums = BatchSums().with_batches([(1, 100.0, 10.0)]).faded(0.01).with_batches([(1, 100.0, 2.0)])

    curve = fitted(sums, None, 1, 1)

    assert curve is not None
    assert curve.seconds(1) == pytest.approx(0.0208, rel=0.01)


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        ({}, {4: (10.0, 1.0)}, [(4, 10.0, 1.0)]),
        ({4: (8.0, 0.8)}, {4: (10.0, 1.0)}, [(4, 2.0, pytest.approx(0.2))]),
        ({4: (10.0, 1.0)}, {4: (10.0, 1.0)}, []),
        ({4: (10.0, 1.0)}, {4: (3.0, 0.3)}, [(4, 3.0, 0.3)]),
    ],
    ids=["new size", "more", "nothing new", "new process"],
)
def test_what_ran_between_two_readings(before: object, after: object, rows: object) -> None:
    assert batches_between(before, after) == rows  # type: ignore[arg-type]
