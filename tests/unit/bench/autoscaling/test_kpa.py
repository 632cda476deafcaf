import pytest

from bench.autoscaling.faults import HalfMissing, NoScrapes
from bench.autoscaling.policies.kpa import Concurrency
from tests.unit.bench.autoscaling.looks import at, look


@pytest.mark.parametrize(
    ("why", "steps"),
    [
        ("two each", [(2, 2.0, 2.0, 1, 1)]),
        ("a part of one more needs one more", [(2, 2.1, 2.1, 1, 2)]),
        ("no load keeps one", [(2, 0.0, 0.0, 1, 1)]),
        ("nobody ready is taken for one", [(2, 4.0, 2.0, 0, 2)]),
        ("twice the ready ones in 6 s is panic: the short window counts", [(2, 2.0, 8.0, 1, 4)]),
        (
            "less than twice is none: the long window counts",
            [(2, 2.0, 2.0, 1, 1), (4, 12, 18, 5, 6)],
        ),
        (
            "it never falls in panic, and panic ends 60 s after the last sign of it",
            [
                (2, 2.0, 8.0, 1, 4),
                (4, 2.0, 2.0, 4, 4),
                (62, 2.0, 2.0, 4, 4),
                (64, 2.0, 2.0, 4, 2),
            ],
        ),
        (
            "a new sign of it starts the 60 s again",
            [(2, 2.0, 8.0, 1, 4), (60, 2.0, 16.0, 4, 8), (64, 2.0, 2.0, 8, 8), (122, 2, 2, 8, 4)],
        ),
        (
            "a panic starts without the numbers of the one before",
            [(2, 2.0, 8.0, 1, 4), (64, 2.0, 2.0, 4, 2), (66, 2.0, 4.0, 1, 2)],
        ),
        (
            "started with several replicas it is in panic, and keeps them 60 s",
            [(2, 2.0, 2.0, 4, 4), (62, 2.0, 2.0, 4, 4), (64, 2.0, 2.0, 4, 2)],
        ),
        (
            "down by half of the ready ones at most",
            [(2, 2.0, 2.0, 1, 1), (4, 2.0, 2.0, 11, 5)],
        ),
        ("up by a factor of 1000 at most", [(2, 1e4, 1e4, 1, 1000)]),
    ],
)
def test_scale(why: str, steps: list[tuple[float, float, float, int, int]]) -> None:
    """Steps are (now, stable, panic, ready, expected); two in flight are the target."""
    policy = Concurrency(2.0)
    for now, stable, panic, ready, expected in steps:
        assert policy.scale(stable, panic, ready, now) == expected, (why, now)


def test_half_of_the_pods_stand_for_all() -> None:
    view = at(look(HalfMissing, ready=4, held=16.0), 700.0)

    assert view.held(60) == 8.0
    assert Concurrency(2.0).target(view) == 8


def test_no_data_holds() -> None:
    view = at(look(NoScrapes, ready=4, starting=2, held=0.0), 700.0)

    assert Concurrency(2.0).target(view) == 6
