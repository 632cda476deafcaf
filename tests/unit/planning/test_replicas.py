"""Replica bounds: what the spec means once its defaults are filled in."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.api.enums import ScalingMode
from triton_operator.api.inference_service import Scaling
from triton_operator.planning.replicas import ReplicaBounds, replica_bounds


class Row(NamedTuple):
    name: str
    scaling: dict[str, Any]
    expected: ReplicaBounds
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Row("nothing said", {}, ReplicaBounds(1, 10, True), "one to ten"),
        Row("least", {"minReplicas": 3}, ReplicaBounds(3, 10, True), "the default bound holds"),
        Row(
            "least above the default",
            {"minReplicas": 40},
            ReplicaBounds(40, 40, True),
            "a default must not contradict what is stated",
        ),
        Row(
            "both",
            {"minReplicas": 2, "maxReplicas": 5},
            ReplicaBounds(2, 5, True),
            "as stated",
        ),
        Row(
            "fixed",
            {"mode": "Fixed", "minReplicas": 4},
            ReplicaBounds(4, 4, True),
            "no room to move",
        ),
        Row(
            "external",
            {"mode": "External"},
            ReplicaBounds(1, 10, False),
            "somebody else's: never written",
        ),
        Row("zero", {"minReplicas": 0}, ReplicaBounds(0, 10, True), "nothing need run"),
    ],
    ids=lambda row: row.name,
)
def test_bounds(row: Row) -> None:
    assert replica_bounds(Scaling.model_validate(row.scaling)) == row.expected, row.why


@given(
    st.sampled_from(ScalingMode),
    st.integers(0, 1000),
    st.none() | st.integers(1, 1000),
)
def test_bounds_never_cross(mode: ScalingMode, least: int, most: int | None) -> None:
    if most is not None and most < least:
        most = least
    bounds = replica_bounds(Scaling(mode=mode, min_replicas=least, max_replicas=most))

    assert 0 <= bounds.minimum <= bounds.maximum
    assert bounds.managed is (mode is not ScalingMode.EXTERNAL)
