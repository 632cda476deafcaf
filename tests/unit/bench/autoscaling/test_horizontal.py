import pytest

from bench.autoscaling.policies.horizontal import Behaviour, average_of_total, pods, value


@pytest.mark.parametrize(
    ("why", "total", "replicas", "expected"),
    [
        ("10 each is the target", 100.0, 10, 10),
        ("10 % more is tolerated", 110.0, 10, 10),
        ("more than that is not: as many as the total needs", 111.0, 10, 12),
        ("10 % less is tolerated", 90.0, 10, 10),
        ("less than that is not", 89.0, 10, 9),
        ("no load needs nobody", 0.0, 10, 0),
        ("exactly three replicas' worth is three", 30.000000000000004, 1, 3),
    ],
)
def test_average_of_total(why: str, total: float, replicas: int, expected: int) -> None:
    assert average_of_total(total, 10.0, replicas) == expected, why


@pytest.mark.parametrize(
    ("why", "metric", "replicas", "ready", "expected"),
    [
        ("twice too slow: twice the ready ones", 0.30, 10, 10, 20),
        ("those that are not ready do not count", 0.30, 10, 5, 10),
        ("5 % is tolerated, whoever is ready", 0.1575, 10, 5, 10),
        ("half as slow as allowed", 0.075, 10, 10, 5),
    ],
)
def test_value(why: str, metric: float, replicas: int, ready: int, expected: int) -> None:
    assert value(metric, 0.15, replicas, ready) == expected, why


@pytest.mark.parametrize(
    ("why", "mean", "replicas", "ready", "reporting", "expected"),
    [
        ("half as much again", 30.0, 6, 6, 6, 9),
        ("10 % is tolerated", 22.0, 6, 6, 6, 6),
        ("down by what is spare", 10.0, 6, 6, 6, 3),
        ("four that start count as 0: 240 over 10 is 1.2 times 20", 40.0, 10, 6, 6, 12),
        ("180 over 10 is within the tolerance", 30.0, 10, 6, 6, 10),
        ("150 over 10 would be down: the direction turned", 30.0, 10, 5, 5, 10),
        ("on the way down those that start do not count", 10.0, 10, 6, 6, 3),
        ("silent ones have the target on the way down: 150 over 10", 10.0, 10, 10, 5, 8),
        ("so 190 over the ten that are ready are tolerated", 18.0, 12, 10, 5, 12),
        ("and nothing on the way up: 250 over 10", 50.0, 10, 10, 5, 13),
        ("150 over 10 turned the direction", 30.0, 10, 10, 5, 10),
    ],
)
def test_pods(
    why: str, mean: float, replicas: int, ready: int, reporting: int, expected: int
) -> None:
    assert pods(mean, 20.0, replicas, ready, reporting) == expected, why


@pytest.mark.parametrize(
    ("why", "steps"),
    [
        ("with nothing to remember, down is at once", [(30, 4, 10, 4)]),
        (
            "down to the largest of the last 300 s",
            [(0, 12, 10, 12), (15, 5, 12, 12), (300, 5, 12, 12), (315, 5, 12, 5)],
        ),
        (
            "a higher wish that was not carried out is remembered, too",
            [(0, 50, 2, 6), (15, 3, 6, 6), (315, 3, 6, 3)],
        ),
        ("up by four, then by 100 %", [(0, 50, 1, 5), (15, 50, 5, 10), (30, 50, 10, 20)]),
        (
            "four or 100 % count from 15 s ago",
            [(0, 50, 1, 5), (5, 50, 5, 5), (14, 50, 5, 5), (15, 50, 5, 10)],
        ),
        ("no more than was asked for", [(0, 3, 2, 3)]),
    ],
)
def test_behaviour(why: str, steps: list[tuple[int, int, int, int]]) -> None:
    """Steps are (now, wanted, replicas, expected)."""
    behaviour = Behaviour()
    for now, wanted, replicas, expected in steps:
        assert behaviour.settle(now, wanted, replicas) == expected, (why, now)
