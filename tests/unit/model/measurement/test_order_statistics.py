"""Ranks: medians, percentiles, and how sure they are."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.model.measurement.order_statistics import (
    is_narrow,
    median,
    median_interval,
    quantile,
)

values = st.lists(st.floats(0.001, 1000), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.9, 90), (0.99, 99), (0.001, 1), (1.0, 100)]
)
def test_a_quantile_is_a_value(share: float, expected: int) -> None:
    assert quantile(list(range(100, 0, -1)), share) == expected


def test_medians() -> None:
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 2, 3]) == 2.5


def test_five_values_have_no_interval() -> None:
    """The chance that all are on one side of the median is 2/32: more than one in twenty."""
    assert median_interval([1, 2, 3, 4, 5]) is None
    assert median_interval([6, 1, 2, 3, 4, 5]) == (1, 6)


def test_ranks_are_as_in_the_tables() -> None:
    """Ranks of 95 % intervals from tables of the sign test."""
    assert median_interval(list(range(1, 11))) == (2, 9)
    assert median_interval(list(range(1, 26))) == (8, 18)
    assert median_interval(list(range(1, 101))) == (40, 61)


@given(values)
def test_the_median_is_in_its_interval(found: list[float]) -> None:
    interval = median_interval(found)

    assert interval is None or interval[0] <= median(found) <= interval[1]


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    """Of a skewed distribution, with a tail as latencies have."""
    draw = random.Random(7)
    hits = 0
    for _ in range(2000):
        low, high = median_interval([draw.expovariate(1) for _ in range(40)]) or (0, 0)
        hits += low <= 0.6931 <= high

    assert 0.94 < hits / 2000 < 0.985


def test_what_is_narrow() -> None:
    assert is_narrow([10.0, 10.1, 9.9, 10.0, 10.2, 9.8, 10.1], 0.03)
    assert not is_narrow([10.0, 10.1, 9.9, 10.0, 12.0, 9.8, 10.1], 0.03)
    assert not is_narrow([10.0] * 5, 0.03), "too few to be sure, however equal"
