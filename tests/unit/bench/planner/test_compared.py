"""What is compared at the end of a sweep: the best of each precision too, by new arrivals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import pytest

from bench.planner.contender import Choice
from bench.planner.findings import Case
from bench.planner.load import Loads
from bench.planner.search import rate_of
from bench.planner.sweep import CONFIRM_SEEDS, SEARCH_SEEDS, Standing, swept
from bench.planner.trial import compared
from bench.planner.ways import Way
from triton_operator.api.enums import Precision

FP32, INT8 = Precision.FP32, Precision.INT8
DEFAULT = Way(FP32, 2, None, 4)
STORED, OTHER = Way(FP32, 1, 1, 4), Way(FP32, 2, 1, 4)
COPY, SLOW_COPY = Way(INT8, 1, 1, 4), Way(INT8, 2, 1, 4)
ALL = (DEFAULT, OTHER, STORED, SLOW_COPY, COPY)


@dataclass
class FakeLoads:
    """The highest place of each way in the sweep, and by other arrivals where these differ: `later`
    are the last ones."""

    places: Mapping[Way, int]
    again: Mapping[Way, int]
    later: Mapping[Way, int]

    def keeps(self, way: Way, place: int, _objective: float, seeds: Sequence[int]) -> bool:
        known = self.places if tuple(seeds) == SEARCH_SEEDS else {**self.places, **self.again}
        known = {**known, **self.later} if tuple(seeds) == CONFIRM_SEEDS else known
        return place <= known[way]


def case_of(
    choice: Way,
    places: Mapping[Way, int],
    ways: Sequence[Way] = ALL,
    again: Mapping[Way, int] | None = None,
    later: Mapping[Way, int] | None = None,
) -> Case:
    """With a sweep in the order of `ways`."""
    loads = cast(Loads, FakeLoads(places, again or {}, later or {}))

    def guess(way: Way, _milliseconds: int) -> float:
        return -float(ways.index(way))

    (standing,) = swept(loads, ways, [50], guess, lambda _: None)
    return compared(loads, standing, Choice(choice, 1.0, ()), DEFAULT, lambda _: None)


PLACES = {DEFAULT: 60, OTHER: 70, STORED: 79, SLOW_COPY: 74, COPY: 80}


def test_an_adopted_copy_is_compared_with_fp32_although_another_copy_is_best() -> None:
    case = case_of(SLOW_COPY, PLACES)

    assert case.best.way == COPY.name
    assert case.fp32 is not None
    assert (case.fp32.way, case.fp32.rate) == (STORED.name, rate_of(79))
    assert case.slower_adoption


def test_a_missed_copy_is_compared_with_the_best_way_in_fp32() -> None:
    assert not case_of(OTHER, PLACES).missed_adoption
    assert case_of(OTHER, {**PLACES, STORED: 72}).missed_adoption


def test_rates_of_the_sweep_itself_are_not_told() -> None:
    """The best of many noisy figures looks better than it is."""
    case = case_of(SLOW_COPY, PLACES, again={STORED: 75})

    assert case.fp32 is not None
    assert case.fp32.rate == rate_of(75)
    assert not case.slower_adoption


def test_fp32_that_was_only_beaten_by_another_copy_speaks_against_the_one_adopted() -> None:
    """The sweep has no rate of it."""
    case = case_of(SLOW_COPY, PLACES, ways=ALL[::-1])

    assert case.fp32 is not None
    assert (case.fp32.way, case.fp32.rate) == (STORED.name, pytest.approx(rate_of(79)))
    assert case.slower_adoption


def test_one_that_looked_better_by_chance_does_not() -> None:
    """Of several that are asked, one always does; and the machine may be another since."""
    case = case_of(SLOW_COPY, PLACES, ways=ALL[::-1], later={STORED: 78, SLOW_COPY: 78})

    assert case.fp32 is not None
    assert case.fp32.rate == pytest.approx(case.planner.rate)
    assert not case.slower_adoption


def test_fp32_that_does_no_more_than_the_adopted_copy_is_not_ranked() -> None:
    case = case_of(COPY, PLACES, ways=ALL[::-1])

    assert case.fp32 is None
    assert case.fp32_rate == rate_of(60), "that of Triton's defaults"
    assert not case.slower_adoption


def test_the_best_of_a_precision_is_the_first_that_reached_it() -> None:
    standing = Standing(50, {OTHER: 70, COPY: 75, STORED: 70, SLOW_COPY: None}, {DEFAULT: 76})

    assert standing.best == (COPY, 75)
    assert standing.best_in(FP32) == (OTHER, 70)
    assert standing.best_in(INT8) == (COPY, 75)
    assert Standing(50, {SLOW_COPY: None}).best_in(INT8) is None
