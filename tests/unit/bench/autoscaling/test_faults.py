import pytest

from bench.autoscaling.faults import (
    FAULTS,
    CountersReset,
    HalfMissing,
    NoScrapes,
    SourceDown,
    removed,
    trace,
)
from bench.autoscaling.replicas import DONE, READY_AT
from bench.autoscaling.simulation import Result
from bench.autoscaling.view import View
from tests.unit.bench.autoscaling.looks import look, pass_time


@pytest.mark.parametrize(
    ("why", "kind", "now", "reporting", "age", "answers"),
    [
        ("nothing is wrong", View, 900, 4, 0.0, True),
        ("the last second before it", NoScrapes, 600, 4, 0.0, True),
        ("nobody reports", NoScrapes, 601, 0, 1.0, True),
        ("nor at its end", NoScrapes, 1199, 0, 599.0, True),
        ("then all do", NoScrapes, 1200, 4, 0.0, True),
        ("the source says nothing at all", SourceDown, 899, 0, 299.0, False),
        ("and is back after five minutes", SourceDown, 900, 4, 0.0, True),
        ("every second pod", HalfMissing, 700, 2, 0.0, True),
        ("all again", HalfMissing, 1200, 4, 0.0, True),
    ],
)
def test_what_is_seen(
    why: str, kind: type[View], now: int, reporting: int, age: float, answers: bool
) -> None:
    view = pass_time(look(kind, ready=4), now)

    assert (view.reporting, view.age, view.answers) == (reporting, age, answers), why


def test_the_last_scrape_stays() -> None:
    view = pass_time(look(NoScrapes, ready=2), 600)
    view.fleet.counts[:, DONE] = 50
    pass_time(view, 700)

    assert view.scrape.at == 600.0
    assert view.scrape.done.tolist() == [0, 0]
    assert pass_time(view, 1200).scrape.done.tolist() == [50, 50]


def test_the_missing_half_is_not_in_the_scrape() -> None:
    assert pass_time(look(HalfMissing, ready=4), 700).scrape.places.tolist() == [0, 2]


def test_counters_start_again_except_of_pods_that_came_later() -> None:
    view = look(CountersReset, ready=2)
    view.fleet.counts[:2, DONE] = 1000, 500
    pass_time(view, 599)
    assert view.scrape.done.tolist() == [1000, 500]

    pass_time(view, 600)
    view.fleet.counts[0, DONE] = 1007
    view.fleet.counts[1, DONE], view.fleet.numbers[1, READY_AT] = 3, 650.0
    pass_time(view, 660)

    assert view.scrape.done.tolist() == [7, 3]


@pytest.mark.parametrize(
    ("why", "targets", "expected"),
    [
        ("nothing changed", [(0.0, 5)], 0),
        ("it was not in the fault's time", [(0.0, 9), (600.0, 5), (901.0, 1)], 0),
        ("three, then one more", [(0.0, 5), (610.0, 2), (900.0, 1)], 4),
        ("what came is not set against what went", [(0.0, 5), (610.0, 4), (620.0, 9)], 1),
    ],
)
def test_removed(why: str, targets: list[tuple[float, int]], expected: int) -> None:
    result = Result(1.0, 1.0, 0.0, 0.0, 0, 0, 0, 0.0, 0, 0, 1.0, targets=targets)

    assert removed(result, 900.0) == expected, why


def test_traffic_rises_while_metrics_are_wrong() -> None:
    rates = trace().rates
    ends = [int(fault.until) for fault in FAULTS.values() if fault.until is not None]

    assert all(rates[end - 1] > rates[599] for end in ends)
