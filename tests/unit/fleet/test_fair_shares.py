"""What is not enough is shared so that asking for more takes nothing from who asks for little."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fleet.clusters import Hub, cloud, edge
from triton_operator.fleet.fair_shares import level, whole_shares


@pytest.mark.parametrize(
    ("asked", "room", "expected"),
    [
        ([2, 3], 5, math.inf),
        ([2, 3], 4, 2),
        ([1, 100, 100], 11, 5),
        ([5, 5], 0, 0),
        ([5, 5], -1, 0),
        ([], 3, math.inf),
    ],
)
def test_the_most_that_one_gets(asked: list[float], room: float, expected: float) -> None:
    assert level(asked, room) == expected


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.integers(-3, 200))
def test_whole_shares(asked: list[int], room: int) -> None:
    given = whole_shares(asked, room)

    assert sum(given) == max(0, min(sum(asked), room))
    assert all(0 <= its <= one for its, one in zip(given, asked, strict=True))
    most = max(given)
    for its, one in zip(given, asked, strict=True):
        assert its >= min(one, most - 1), "nobody has two more than another who wants more"


@given(st.lists(st.floats(0, 50), min_size=1, max_size=8), st.floats(0, 200))
def test_a_level_uses_all_that_there_is(asked: list[float], room: float) -> None:
    most = level(asked, room)

    assert sum(min(one, most) for one in asked) == pytest.approx(min(sum(asked), room), abs=1e-6)


ABSURD = {"need": 100_000.0, "capacity": 30}


def test_who_claims_all_of_a_maximum_takes_no_replica_that_another_needs() -> None:
    """The first by name, so that an order would serve it first."""
    hub = Hub(most=30)
    honest = [edge("b", need=7.0, capacity=10), edge("c", need=8.0, capacity=10)]
    before = hub.place(edge("a", need=2.0, capacity=10), *honest)
    after = hub.place(edge("a", **ABSURD), *honest)

    for name, need in (("b", 7), ("c", 8)):
        assert before.sites[name].ceiling >= need
        assert after.sites[name].ceiling >= need
        assert after.sites[name].unplaced == 0.0


def test_who_claims_to_need_all_of_a_cloud_leaves_others_their_part() -> None:
    hub = Hub()
    fair = hub.place(edge("b", need=6.0), cloud())
    placed = hub.place(edge("a", need=100_000.0), edge("b", need=6.0), cloud())

    assert placed.sites["b"].granted == pytest.approx(fair.sites["b"].granted)
    assert placed.sites["b"].unplaced == 0.0
    assert placed.sites["a"].granted["cloud"] == pytest.approx(36.0 - 2.4)
