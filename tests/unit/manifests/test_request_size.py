"""How large a request may be: Triton's own limit unless a full batch would not fit."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.planning.building import facts
from triton_operator.api.tensors import Tensor
from triton_operator.manifests.request_size import TRITON_DEFAULT_BYTES, max_http_input_bytes


class Row(NamedTuple):
    name: str
    datatype: str
    shape: list[int]
    batch: int
    expected: int | None
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Row("small", "INT32", [-1, 2048], 16, None, "512 KiB as JSON"),
        Row("pictures", "FP32", [-1, 3, 224, 224], 64, 64 * 150_528 * 16, "147 MiB as JSON"),
        Row("one picture", "FP32", [1, 3, 224, 224], 0, None, "2.3 MiB"),
        Row("no batch axis", "FP32", [4096, 4096], 0, 4096 * 4096 * 16, "all axes count"),
        Row("any length", "INT64", [-1, -1], 64, None, "its size cannot be known"),
        Row("text", "BYTES", [-1, 10_000_000], 64, None, "nor that of strings"),
        Row("at the limit", "FP32", [-1, 2**22], 1, None, "exactly Triton's default"),
        Row("above it", "FP32", [-1, 2**22 + 1], 1, 16 * (2**22 + 1), "one number more"),
    ],
    ids=lambda row: row.name,
)
def test_limit(row: Row) -> None:
    model = facts(inputs=[Tensor(name="x", datatype=row.datatype, shape=row.shape)])

    assert max_http_input_bytes(model, row.batch) == row.expected, row.why


def test_all_inputs_count_together() -> None:
    half = [Tensor(name=name, datatype="FP32", shape=[-1, 2**22]) for name in ("a", "b")]

    assert max_http_input_bytes(facts(inputs=half), 1) == 2 * 2**22 * 16


@given(st.integers(1, 10**7), st.integers(1, 512))
def test_a_limit_is_never_below_tritons_own(length: int, batch: int) -> None:
    model = facts(inputs=[Tensor(name="x", datatype="FP64", shape=[-1, length])])

    limit = max_http_input_bytes(model, batch)

    assert limit is None or limit > TRITON_DEFAULT_BYTES
    assert (limit or TRITON_DEFAULT_BYTES) >= batch * length * 8, "the tensor itself fits"
