from dataclasses import replace

import pytest

from bench.autoscaling.summary import (
    Outcome,
    best_setting,
    cheapest,
    cost_at,
    frontier,
    longest_backlog,
)

POINT = Outcome(0.99, 1.5, 0.0, 0.0, 10.0, 20.0, 0.0, 0.0, 0.0, 0.99)


def point(attainment: float, cost: float) -> Outcome:
    return replace(POINT, attainment=attainment, cost=cost)


@pytest.mark.parametrize(
    ("why", "points", "expected"),
    [
        (
            "the cheapest that reaches it",
            {1.0: (0.999, 2.0), 2.0: (0.99, 1.5), 3.0: (0.98, 1)},
            2.0,
        ),
        ("nobody does: the best", {1.0: (0.95, 2.0), 2.0: (0.97, 3.0)}, 2.0),
        ("equally good: the cheaper", {1.0: (0.95, 2.0), 2.0: (0.95, 1.9)}, 2.0),
    ],
)
def test_best_setting(why: str, points: dict[float, tuple[float, float]], expected: float) -> None:
    outcomes = {setting: point(*seen) for setting, seen in points.items()}

    assert best_setting(outcomes, 0.99) == expected, why


def test_the_frontier_leaves_out_who_is_beaten_in_both() -> None:
    points = [point(0.99, 1.5), point(0.98, 1.6), point(0.95, 1.2), point(0.99, 1.4)]

    assert frontier(points) == [(0.95, 1.2), (0.99, 1.4)]


@pytest.mark.parametrize(
    ("why", "attainment", "expected"),
    [
        ("a point of it", 0.99, 1.4),
        ("half way between two", 0.97, 1.3),
        ("worse than the worst costs no less than that", 0.90, 1.2),
        ("better than the best by less than seeds differ", 0.9904, 1.4),
        ("better than the best cannot be had", 0.995, None),
    ],
)
def test_cost_at(why: str, attainment: float, expected: float | None) -> None:
    cost = cost_at([(0.95, 1.2), (0.99, 1.4)], attainment)

    assert cost == (None if expected is None else pytest.approx(expected)), why


@pytest.mark.parametrize(
    ("why", "attainment", "expected"),
    [
        ("the cheapest that is as good", 0.985, ("b", 2.0)),
        ("nobody is", 0.9999, None),
        ("a little less is as good", 0.9904, ("b", 2.0)),
        ("who was not there does not count", 0.90, ("a", 1.0)),
    ],
)
def test_cheapest(why: str, attainment: float, expected: tuple[str, float] | None) -> None:
    everybody = {
        ("a", 1.0): {"calm": point(0.95, 1.1)},
        ("b", 2.0): {"calm": point(0.99, 1.3)},
        ("b", 3.0): {"calm": point(0.99, 1.4)},
        ("c", 4.0): {"spike": point(1.0, 1.0)},
    }

    assert cheapest(everybody, "calm", attainment) == expected, why


@pytest.mark.parametrize(
    ("why", "backlogs", "expected"),
    [
        ("there was none", [], 0.0),
        ("the longest", [(10.0, 5.0), (100.0, 40.0)], 40.0),
        ("one that is back within 10 s had not gone", [(100.0, 40.0), (145.0, 15.0)], 60.0),
        ("one that is back later had", [(100.0, 40.0), (150.0, 15.0)], 40.0),
    ],
)
def test_longest_backlog(why: str, backlogs: list[tuple[float, float]], expected: float) -> None:
    assert longest_backlog(backlogs) == expected, why
