"""Which pods are put aside: the crowded ones, as many as the others can do without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.autoscaling.aside import put_aside
from triton_operator.autoscaling.economy import ReplicaModel, replica_model
from triton_operator.planning.service_curve import ServiceCurve

OBJECTIVE = 0.250
MODEL = replica_model(ServiceCurve(0.020, 0.010, 8), OBJECTIVE, 0.99)
"""80 requests/s at most, about 65 within the objective: 20 that wait are an objective's work."""


def aside(waiting: dict[str, float], rate: float, so_far: tuple[str, ...] = ()) -> set[str]:
    return set(put_aside(waiting, len(waiting), frozenset(so_far), rate, MODEL, OBJECTIVE))


@pytest.mark.parametrize(
    ("waiting", "rate", "so_far", "expected"),
    [
        pytest.param({"a": 3000, "b": 0, "c": 0}, 120, (), {"a"}, id="two can do it"),
        pytest.param({"a": 3000, "b": 0, "c": 0}, 140, (), set(), id="it takes three"),
        pytest.param({"a": 90, "b": 80, "c": 0}, 100, (), {"a"}, id="the most crowded first"),
        pytest.param({"a": 90, "b": 80}, 10, (), {"a"}, id="one always gets requests"),
        pytest.param({"a": 3000}, 10, (), set(), id="there is no other"),
        pytest.param({"a": 39, "b": 0}, 10, (), set(), id="a queue as may come by chance"),
        pytest.param({"a": 41, "b": 0}, 10, (), {"a"}, id="a longer one"),
        pytest.param({"a": 11, "b": 0}, 10, ("a",), {"a"}, id="not short yet"),
        pytest.param({"a": 10, "b": 0}, 10, ("a",), set(), id="short again"),
        pytest.param({"a": 3000, "b": 0}, 100, ("a",), set(), id="needed again"),
        pytest.param({"a": 3000, "b": 0}, 0, ("gone",), {"a"}, id="who is gone is not there"),
        pytest.param({"a": 300, "b": 900, "c": 800}, 100, ("a",), {"a"}, id="nobody takes turns"),
    ],
)
def test_the_crowded_go_as_far_as_the_others_can_do_without(
    waiting: dict[str, float], rate: float, so_far: tuple[str, ...], expected: set[str]
) -> None:
    assert aside(waiting, rate, so_far) == expected


def test_who_tells_nothing_gets_requests_and_counts_as_one_that_does() -> None:
    assert put_aside({"a": 3000.0}, 3, frozenset({"b"}), 120, MODEL, OBJECTIVE) == {"a"}


def test_where_no_rate_is_safe_nobody_is_put_aside() -> None:
    slow = ReplicaModel(MODEL.capacity, 0.0, MODEL.misses)
    assert put_aside({"a": 3000.0, "b": 0.0}, 2, frozenset(), 1.0, slow, OBJECTIVE) == frozenset()


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 5000)),
    st.floats(0, 2000),
    st.frozensets(st.sampled_from("abcdefgh")),
)
def test_what_remains_can_always_carry_the_rate_or_nobody_goes(
    waiting: dict[str, float], rate: float, so_far: frozenset[str]
) -> None:
    gone = put_aside(waiting, len(waiting), so_far, rate, MODEL, OBJECTIVE)
    staying = len(waiting) - len(gone)
    assert not gone or staying * MODEL.safe_rate >= rate
    assert gone <= {name for name, number in waiting.items() if number > 10}
    assert not waiting or staying >= 1
