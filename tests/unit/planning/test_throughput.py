"""What one replica does at most, whatever its batches take: measured, or by what requests cost."""

import math
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.planning.building import facts, measurement
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.tensors import Tensor
from triton_operator.planning.measurements import ReplicaShape
from triton_operator.planning.throughput import (
    BYTE_CPU_SECONDS,
    REQUEST_CPU_SECONDS,
    Throughput,
    server_rate,
    throughput_of,
)


def with_input(*shape: int, datatype: str = "FP32") -> ModelFacts:
    return facts(inputs=[Tensor(name="x", datatype=datatype, shape=list(shape))], outputs=[])


PICTURE = 4 * 3 * 224 * 224


@pytest.mark.parametrize(
    ("model", "moved", "why"),
    [
        (with_input(-1, 4), 16, "a row of a table"),
        (with_input(-1, 3, 224, 224), PICTURE, "a picture"),
        (with_input(1, 3, 224, 224), PICTURE, "one that has no batch axis"),
        (with_input(-1, -1, datatype="INT64"), 8, "nobody knows how long a text is"),
        (with_input(-1, 3, -1, -1), 12, "nor how large a picture of any size"),
        (with_input(-1, 2, datatype="BYTES"), 2, "nor a string"),
        (with_input(), 4, "a scalar"),
        (facts(), 4 * (2048 + 214), "inputs and outputs"),
    ],
)
def test_a_request_costs_by_what_it_moves_for_sure(model: ModelFacts, moved: int, why: str) -> None:
    expected = 1 / (REQUEST_CPU_SECONDS + BYTE_CPU_SECONDS * moved)

    assert server_rate(model, 1.0) == pytest.approx(expected), why


def test_a_request_of_nothing_much_bounds_a_core_to_some_thousands() -> None:
    assert server_rate(with_input(-1, 4), 1.0) == pytest.approx(4000, rel=0.001)


@given(st.floats(0.001, 256), st.floats(1, 100), st.integers(1, 10**7))
def test_more_cores_take_more_and_larger_requests_less(
    cores: float, factor: float, values: int
) -> None:
    one = server_rate(with_input(-1, values), cores)

    assert 0 < one <= cores / REQUEST_CPU_SECONDS
    assert server_rate(with_input(-1, values), cores * factor) == pytest.approx(one * factor)
    assert server_rate(with_input(-1, values + 1), cores) < one


class Row(NamedTuple):
    name: str
    why: str
    shape: ReplicaShape
    told: str | None
    threads: int | None
    counts: Throughput


SERVER = 8000.0
TWO = ReplicaShape(2, server_rate=SERVER)
GPU = ReplicaShape(None, server_rate=SERVER)
GUESSED = Throughput(SERVER, measured=False)
ROWS = [
    Row("none", "what the server takes", TWO, None, 2, GUESSED),
    Row("less", "it was seen", TWO, "1600", 2, Throughput(1600, measured=True)),
    Row("more", "a measurement beats a guess", TWO, "20000", 2, Throughput(20000, measured=True)),
    Row("of any, less", "no replica does more", TWO, "1600", None, Throughput(1600, measured=True)),
    Row("of any, more", "it may be of one with more cores", TWO, "20000", None, GUESSED),
    Row("GPU", "threads say nothing there", GPU, "20000", None, Throughput(20000, measured=True)),
    Row(
        "several GPUs",
        "it is of one, and they do more",
        ReplicaShape(None, devices=2, server_rate=SERVER),
        "1600",
        None,
        GUESSED,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_throughput_is_of_the_replica_that_was_measured(row: Row) -> None:
    told = {"throughput": row.told} if row.told else {}
    measured = measurement({1: 1.0}, threads=row.threads, **told)

    assert throughput_of(measured, row.shape) == row.counts, row.why


def test_nothing_is_bound_where_the_server_is_not_known() -> None:
    assert throughput_of(measurement({1: 1.0}), ReplicaShape(1)).rate == math.inf
