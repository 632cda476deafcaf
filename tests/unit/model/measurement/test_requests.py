"""What goes to Triton: inputs that fit the model, as the bytes of the protocol."""

import json
from pathlib import Path

import numpy as np
import pytest
from tritonclient.http import InferInput

from triton_operator.api.tensors import Tensor
from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.inputs import DTYPES, generated_inputs, sampled_inputs
from triton_operator.model.measurement.request_body import request_body
from triton_operator.model.sample_rows import read_samples


def tensor(name: str, datatype: str, shape: list[int]) -> Tensor:
    return Tensor(name=name, datatype=datatype, shape=shape)


@pytest.mark.parametrize("datatype", sorted(set(DTYPES) - {"BF16"}))
def test_bytes_are_as_tritons_own_client_writes_them(datatype: str) -> None:
    """BF16 is left out: that client takes it from other arrays."""
    x = tensor("x", datatype, [-1, 3])
    ((_, values),) = batch = generated_inputs([x], batched=True, seed="a").batch(2)
    body = request_body(batch, 2)
    theirs = InferInput("x", [2, 3], datatype)
    theirs.set_data_from_numpy(values)

    (told,) = json.loads(body.content[: body.json_bytes])["inputs"]
    assert body.content[body.json_bytes :] == bytes(theirs._get_binary_data())
    assert told == theirs._get_tensor()


def test_bfloat16_is_the_upper_half_of_a_float(tmp_path: Path) -> None:
    file = tmp_path / "s.npz"
    np.savez(file, x=np.array([[1.0, -2.0]], dtype=np.float32))
    x = tensor("x", "BF16", [-1, 2])
    body = request_body(sampled_inputs([x], file, batched=True).batch(1), 1)

    assert body.content[body.json_bytes :] == bytes.fromhex("803f00c0")


def test_made_up_inputs_are_the_same_for_the_same_model() -> None:
    x = [tensor("x", "FP32", [-1, 3])]
    one, two, other = (
        request_body(generated_inputs(x, batched=True, seed=seed).batch(4), 4) for seed in "aab"
    )

    assert one == two
    assert one != other


def test_integers_are_an_index_that_every_table_has() -> None:
    ((_, ids), (_, mask)) = generated_inputs(
        [tensor("ids", "INT64", [-1, -1]), tensor("mask", "BOOL", [-1, -1])], batched=True, seed=""
    ).batch(3)

    assert ids.tolist() == [[0], [0], [0]]
    assert mask.tolist() == [[True], [True], [True]]


def test_without_a_batch_axis_one_input_is_the_whole() -> None:
    ((_, values),) = generated_inputs([tensor("x", "FP32", [2, -1])], batched=False, seed="").batch(
        1
    )

    assert values.shape == (2, 1)


def test_samples_are_repeated_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "s.npz"
    np.savez(file, x=np.array([[1], [2], [3]], dtype=np.int32), text=np.array(["é", "b", "c"]))
    inputs = sampled_inputs(
        [tensor("x", "INT32", [-1, 1]), tensor("text", "BYTES", [-1])], file, batched=True
    )
    ((_, numbers), (_, texts)) = inputs.batch(5)

    assert numbers.ravel().tolist() == [1, 2, 3, 1, 2]
    assert texts.tolist() == ["é", "b", "c", "é", "b"]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y": np.zeros((2, 3), np.float32)}, "have arrays for 'y'; the model takes 'x'"),
        ({"x": np.zeros((2, 4), np.float32)}, "has the shape"),
        ({"x": np.zeros((0, 3), np.float32)}, "there are 0 rows"),
        ({"x": np.zeros(3, np.float32)}, "has the shape"),
        ({"x": np.zeros((2, 3), np.complex64)}, "complex"),
    ],
)
def test_samples_that_do_not_fit(tmp_path: Path, arrays: dict[str, object], said: str) -> None:
    file = tmp_path / "s.npz"
    np.savez(file, **arrays)  # type: ignore[arg-type]

    with pytest.raises(WorkFailed, match=said):
        sampled_inputs([tensor("x", "FP32", [-1, 3])], file, batched=True)


@pytest.mark.parametrize(
    ("shape", "given", "batched", "wanted"),
    [
        ([-1, 3], (64, 3), True, (5, 3)),
        ([-1, 3], (64, 1, 3), True, (5, 3)),
        ([-1, 3], (64, 2, 3), True, (5, 3)),
        ([1, 3, 8, 8], (64, 3, 8, 8), False, (1, 3, 8, 8)),
        ([1, 3, 8, 8], (64, 1, 3, 8, 8), False, (1, 3, 8, 8)),
        ([4, 3], (64, 3), False, (4, 3)),
        ([-1, 3], (64, 3), False, (1, 3)),
        ([2, 3], (64, 2, 3), False, (2, 3)),
    ],
)
def test_samples_that_verify_a_model_measure_it(
    shape: list[int], given: tuple[int, ...], batched: bool, wanted: tuple[int, ...], tmp_path: Path
) -> None:
    file = tmp_path / "s.npz"
    values = np.arange(np.prod(given), dtype=np.float32).reshape(given)
    np.savez(file, x=values)
    x = tensor("x", "FP32", shape)

    assert read_samples(file, [x]).rows == 64
    ((_, found),) = sampled_inputs([x], file, batched=batched).batch(5)

    assert found.shape == wanted
    assert found.ravel().tolist() == values.ravel()[: found.size].tolist()


def test_inputs_of_other_numbers_of_rows_make_no_batch(tmp_path: Path) -> None:
    file = tmp_path / "s.npz"
    np.savez(file, x=np.zeros((8, 2, 3), np.float32), y=np.zeros((8, 3), np.float32))

    with pytest.raises(WorkFailed, match="it is: 'x' 2, 'y' 1"):
        sampled_inputs(
            [tensor("x", "FP32", [-1, 3]), tensor("y", "FP32", [-1, 3])], file, batched=True
        )


def test_samples_execute_nothing(tmp_path: Path) -> None:
    """A pickle is a program."""
    file = tmp_path / "s.npz"
    np.savez(file, x=np.array([{"a": 1}], dtype=object))

    with pytest.raises(WorkFailed, match=r"s\.npz"):
        sampled_inputs([tensor("x", "BYTES", [-1])], file, batched=True)


def test_no_samples_at_all(tmp_path: Path) -> None:
    (tmp_path / "s.npz").write_bytes(b"not an archive")

    for name in ("s.npz", "absent.npz"):
        with pytest.raises(WorkFailed, match=name):
            sampled_inputs([tensor("x", "FP32", [-1])], tmp_path / name, batched=True)


def test_inputs_larger_than_memory_are_not_made() -> None:
    inputs = generated_inputs([tensor("x", "FP32", [-1, 1 << 20])], batched=True, seed="")

    with pytest.raises(WorkFailed, match="the most is 1,073,741,824"):
        inputs.batch(512)
