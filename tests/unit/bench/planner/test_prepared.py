import numpy as np
import pytest

from bench.planner.prepared import whole_rows
from triton_operator.api.tensors import Tensor


@pytest.mark.parametrize(
    ("why", "shape", "batchable", "given", "expected"),
    [
        ("rows as they are", [-1, 4], True, (6, 4), (6, 4)),
        ("whole inputs of a model that can be batched", [-1, 4], True, (6, 1, 4), (6, 4)),
        ("rows of one", [1, 4], False, (6, 4), (6, 1, 4)),
        ("rows in batches of two", [2, 4], False, (6, 4), (3, 2, 4)),
        ("a state, whole", [2, -1, 4], False, (6, 2, 1, 4), (6, 2, 1, 4)),
        ("a scalar for each", [], False, (6,), (6,)),
    ],
)
def test_each_row_is_a_request(
    why: str,
    shape: list[int],
    batchable: bool,
    given: tuple[int, ...],
    expected: tuple[int, ...],
) -> None:
    tensor = Tensor(name="x", datatype="FP32", shape=shape)

    assert whole_rows(np.zeros(given), tensor, batchable).shape == expected, why
