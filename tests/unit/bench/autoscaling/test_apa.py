import pytest

from bench.autoscaling.policies.apa import Concurrency
from tests.unit.bench.autoscaling.looks import at, look


@pytest.mark.parametrize(
    ("why", "steps"),
    [
        ("10 % more is tolerated", [(10, 2.2, 10, 10)]),
        ("half as much again", [(10, 3.0, 10, 15)]),
        ("up to twice as many at once", [(10, 5.0, 10, 20)]),
        ("10 % less is tolerated", [(10, 1.8, 10, 10)]),
        ("down at once with nothing to remember", [(10, 1.0, 10, 5)]),
        ("down by half at most", [(10, 0.1, 11, 5)]),
        (
            "down to the largest of the last 300 s",
            [(10, 3.0, 10, 15), (20, 1.0, 15, 15), (310, 1.0, 15, 15), (320, 1.0, 15, 8)],
        ),
        ("never to zero", [(10, 0.0, 1, 1)]),
    ],
)
def test_scale(why: str, steps: list[tuple[float, float, int, int]]) -> None:
    """Steps are (now, mean, replicas, expected); two in flight are the target."""
    policy = Concurrency(2.0)
    for now, mean, replicas, expected in steps:
        assert policy.scale(mean, replicas, now) == expected, (why, now)


def test_replicas_that_start_are_multiplied_too() -> None:
    # 12 in flight over four that are ready are three each: half as many again as six.
    view = at(look(ready=4, starting=2, held=12.0), 200.0)

    assert Concurrency(2.0).target(view) == 9
