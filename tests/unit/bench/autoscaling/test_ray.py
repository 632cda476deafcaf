import pytest

from bench.autoscaling.policies.ray import Ongoing
from tests.unit.bench.autoscaling.looks import at, look


@pytest.mark.parametrize(
    ("why", "steps"),
    [
        ("up only after 30 s of asking", [(10, 20, 5, 5), (39, 20, 5, 5), (40, 20, 5, 10)]),
        (
            "a moment of enough starts the 30 s again",
            [(10, 20, 5, 5), (30, 10, 5, 5), (40, 20, 5, 5), (69, 20, 5, 5), (70, 20, 5, 10)],
        ),
        (
            "so does a moment of too many",
            [(10, 20, 5, 5), (30, 2, 5, 5), (31, 20, 5, 5), (60, 20, 5, 5), (61, 20, 5, 10)],
        ),
        (
            "what is asked for at the end counts",
            [(10, 20, 5, 5), (39, 40, 5, 5), (40, 30, 5, 15)],
        ),
        (
            "each further step takes 30 s",
            [(0, 20, 5, 5), (30, 20, 5, 10), (31, 40, 10, 10), (60, 40, 10, 10), (61, 40, 10, 20)],
        ),
        ("down after ten minutes", [(0, 2, 5, 5), (599, 2, 5, 5), (600, 2, 5, 1)]),
        ("never to zero", [(0, 0, 1, 1), (600, 0, 1, 1)]),
    ],
)
def test_scale(why: str, steps: list[tuple[float, float, int, int]]) -> None:
    """Steps are (now, total, replicas, expected); two ongoing are the target."""
    policy = Ongoing(2.0)
    for now, total, replicas, expected in steps:
        assert policy.scale(total, replicas, now) == expected, (why, now)


def test_values_come_every_ten_seconds() -> None:
    policy = Ongoing(2.0)
    view = look(ready=1, held=20.0)

    answers = [policy.target(at(view, float(now))) for now in range(1, 42)]

    # Nothing is known before the tenth second, and 30 s of asking end in the fortieth.
    assert answers == [1] * 39 + [10, 1]
