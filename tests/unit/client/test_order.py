"""Whom to ask first."""

import pytest

from tests.unit.client.asking import cloud, edge
from triton_operator.client.order import in_order

STORE = edge("store", weightPercent=60)
NEAR = cloud("near", weightPercent=30)
FAR = cloud("far", priority=2, weightPercent=10)
LIST = [FAR, STORE, NEAR]


def clusters(chance: float, shut: str = "", local_only: bool = False) -> list[str]:
    found = in_order(
        LIST, lambda one: one.cluster not in shut.split(), local_only=local_only, chance=chance
    )
    return [one.endpoint.cluster + ("" if one.admitted else "!") for one in found]


@pytest.mark.parametrize(
    ("chance", "order"),
    [
        (0.0, "store near far"),
        (0.599, "store near far"),
        (0.6, "near store far"),
        (0.899, "near store far"),
        (0.9, "far store near"),
        (0.999, "far store near"),
    ],
)
def test_the_first_one_is_drawn_by_weight_and_the_rest_has_an_order(
    chance: float, order: str
) -> None:
    assert clusters(chance) == order.split()


def test_shares_of_who_does_not_answer_go_to_the_others() -> None:
    assert clusters(0.74, shut="store") == ["near", "far", "store!"]
    assert clusters(0.76, shut="store") == ["far", "near", "store!"]
    assert clusters(0.5, shut="store near far") == ["store!", "near!", "far!"]


def test_without_weights_the_priority_says_it() -> None:
    plain = [cloud("b"), edge("a", weightPercent=0), cloud("c")]
    found = in_order(plain, lambda _: True, local_only=False, chance=0.99)

    assert [one.endpoint.cluster for one in found] == ["a", "b", "c"]


@pytest.mark.parametrize("chance", [0.0, 0.7, 0.99])
@pytest.mark.parametrize("shut", ["", "store"])
def test_what_must_stay_has_local_ones_only(chance: float, shut: str) -> None:
    assert clusters(chance, shut, local_only=True) == ["store!" if shut else "store"]


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.99])
def test_weights_are_of_what_may_leave(chance: float) -> None:
    """What must stay asks the second local one only if the first one does not answer."""
    here = [edge("second", priority=1, weightPercent=100), edge("first", weightPercent=0), NEAR]
    found = in_order(here, lambda _: True, local_only=True, chance=chance)

    assert [one.endpoint.cluster for one in found] == ["first", "second"]
