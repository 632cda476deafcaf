"""Which pools share the work, where every pod gets the same rate."""

import math
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.autoscaling.arrangement import Needs, Room, arranged, best_arrangement


class Row(NamedTuple):
    name: str
    rooms: list[Room]
    rate: float
    expected: dict[str, int]
    why: str
    most: int = 100
    least: int = 1


GPU, CPU = Room("gpu", 100.0, 4), Room("cpu", 10.0)
ROWS = [
    Row("fits", [GPU, CPU], 380.0, {"gpu": 4}, "the first pool while it takes all"),
    Row("ten times slower", [GPU, CPU], 600.0, {"cpu": 60}, "beside them, GPUs would be CPUs"),
    Row(
        "as fast",
        [GPU, Room("spot", 100.0)],
        600.0,
        {"gpu": 4, "spot": 2},
        "only what is missing goes on",
    ),
    Row(
        "nearly as fast",
        [GPU, Room("t4", 80.0)],
        600.0,
        {"gpu": 4, "t4": 4},
        "8 of 80, and 8 alone: the preferred pool stays",
    ),
    Row(
        "half as fast and cheap",
        [Room("gpu", 100.0, 4, price=1.0), Room("t4", 50.0, price=0.2)],
        600.0,
        {"t4": 12},
        "12 of 0.2 are cheaper than 4 of 1.0 and 8 of 0.2",
    ),
    Row(
        "faster beyond",
        [Room("cpu", 10.0, 20), Room("gpu", 100.0)],
        600.0,
        {"gpu": 6},
        "six alone do what sixty of both would",
    ),
    Row(
        "no room for all in any",
        [GPU, Room("cpu", 10.0, 30)],
        600.0,
        {"gpu": 4},
        "4 * 100 is more than 34 * 10, and than 30 * 10",
    ),
    Row("bounded", [GPU, CPU], 600.0, {"gpu": 4}, "ten CPUs would serve 100", most=10),
    Row(
        "bounded with room",
        [Room("cpu", 10.0), Room("gpu", 100.0)],
        600.0,
        {"cpu": 10},
        "a bound of replicas is no reason to pay for GPUs",
        most=10,
    ),
    Row(
        "three",
        [GPU, Room("spot", 100.0, 3), Room("cpu", 10.0)],
        600.0,
        {"gpu": 4, "spot": 2},
        "the slow one is not needed",
    ),
    Row(
        "three, all needed",
        [GPU, Room("spot", 100.0, 3), Room("cpu", 10.0)],
        800.0,
        {"cpu": 80},
        "7 of 100 are not enough",
    ),
    Row("none", [Room("gpu", 100.0, 0), CPU], 30.0, {"cpu": 3}, "no GPU is there at all"),
    Row("least", [GPU, CPU], 10.0, {"cpu": 6}, "six were asked for, GPUs are four", least=6),
    Row("to zero", [GPU, CPU], 0.0, {}, "nobody calls, and none has to be there", least=0),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_arrangement(row: Row) -> None:
    best = best_arrangement(row.rooms, Needs(row.rate, row.least, row.most))

    assert best.replicas == row.expected, row.why


@st.composite
def rooms(draw: st.DrawFn) -> list[Room]:
    count = draw(st.integers(1, 4))
    return [
        Room(
            f"p{place}",
            draw(st.sampled_from([1.0, 2.0, 10.0, 100.0]) | st.floats(0.5, 500.0)),
            draw(st.integers(0, 30) | st.just(math.inf)),
            draw(st.none() | st.floats(0.01, 10.0)),
        )
        for place in range(count)
    ]


NEEDS = st.builds(
    lambda rate, least, more: Needs(rate, least, least + more),
    st.floats(0.0, 3000.0),
    st.integers(0, 5),
    st.integers(0, 80),
)


@given(rooms(), NEEDS)
def test_it_keeps_to_rooms_and_bounds_and_says_what_it_serves(
    made: list[Room], needs: Needs
) -> None:
    best = best_arrangement(made, needs)

    by_name = {room.name: room for room in made}
    assert all(0 < count <= by_name[name].most for name, count in best.replicas.items())
    count = sum(best.replicas.values())
    assert count <= needs.most
    slowest = min((by_name[name].rate for name in best.replicas), default=0.0)
    assert best.capacity == pytest.approx(count * slowest)
    if best.serves:
        assert best.capacity >= needs.rate - 1e-6
        assert count >= needs.least


@given(rooms(), NEEDS)
def test_mixing_is_never_worse_than_one_pool_alone(made: list[Room], needs: Needs) -> None:
    """The first pool without a limit is a choice of its own: bounds make nobody leave it."""
    best = best_arrangement(made, needs)
    priced = all(room.price is not None for room in made)

    for room in made:
        alone = arranged([room], needs, priced=priced)
        if math.isinf(made[0].most) or (best.pools == (made[0].name,) and best.serves):
            assert best.pools in ((made[0].name,), ())
        elif best.serves:
            assert not alone.serves or best.cost <= alone.cost + 1e-9
        else:
            assert not alone.serves
            assert best.capacity >= alone.capacity * (1 - 1e-9)
