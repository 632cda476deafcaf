import numpy as np
import pytest

from bench.autoscaling.view import Scrape

Pod = tuple[int, float, int, int, int]
"""(place, ready at, done, failed, pending)."""
BEFORE = [(0, 0.0, 100, 5, 8), (1, 0.0, 200, 0, 0)]


def scrape(at: float, pods: list[Pod], front: int = 0) -> Scrape:
    places, ready_at, done, failed, pending = (
        np.array(column) for column in zip(*pods, strict=True)
    )
    return Scrape(at, places, ready_at, done, failed, done - 1, pending, front)


@pytest.mark.parametrize(
    ("why", "pods", "front", "expected"),
    [
        ("nothing came", BEFORE, 0, 0),
        (
            "answers, failures and what waits more",
            [(0, 0.0, 110, 6, 9), (1, 0.0, 203, 0, 2)],
            0,
            10 + 1 + 1 + 3 + 2,
        ),
        ("a queue that is worked off is no arrival", [(0, 0.0, 108, 5, 0), BEFORE[1]], 0, 0),
        ("those whom nobody is ready for came, too", BEFORE, 7, 7),
        ("a pod that became ready counts from zero", [*BEFORE, (2, 60.5, 4, 1, 2)], 0, 7),
        ("one in the place of another as well", [BEFORE[0], (1, 60.5, 4, 0, 0)], 0, 4),
        ("counters that fell started again", [(0, 0.0, 3, 1, 8), BEFORE[1]], 0, 4),
        ("a pod that has gone took its numbers along", [BEFORE[0]], 0, 0),
        ("one that did not report before is left out", [*BEFORE, (2, 30.0, 900, 0, 0)], 0, 0),
    ],
)
def test_arrivals_since(why: str, pods: list[Pod], front: int, expected: int) -> None:
    assert scrape(61.0, pods, front).arrivals_since(scrape(60.0, BEFORE)) == expected, why
