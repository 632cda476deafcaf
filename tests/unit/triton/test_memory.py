"""Memory is estimated from weights, batch and instances; more of any never needs less."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.api.enums import ModelFormat
from triton_operator.api.model_profile import ModelFacts, ModelFile
from triton_operator.api.tensors import Tensor
from triton_operator.triton.memory import MIB, item_bytes, replica_memory_bytes, weight_bytes


def facts(**changes: Any) -> ModelFacts:
    """A classifier of 3 MiB, as `magika`'s."""
    values: dict[str, Any] = {
        "format": ModelFormat.ONNX,
        "inputs": [Tensor(name="bytes", datatype="INT32", shape=[-1, 2048])],
        "outputs": [Tensor(name="label", datatype="FP32", shape=[-1, 214])],
        "batchable": True,
        "reason": "axis 0 is a batch axis",
        "size_bytes": 3 * MIB,
        "files": [ModelFile(path="model.onnx", digest="sha256:" + "0" * 64, size_bytes=3 * MIB)],
    }
    return ModelFacts(**{**values, **changes})


def test_small_model_takes_little_more_than_triton() -> None:
    # Measured: 161 MiB at batch 16 (server and stub); 64 MiB more for shared memory.
    estimate = replica_memory_bytes(facts(), instances=1, max_batch_size=16, gpu=False)

    assert estimate == (512 + 2 * 3 + 16 * 16 + 58) * MIB


def test_large_model_has_room_for_loading() -> None:
    # Measured: 381 MiB of weights peak at 573 MiB, server included.
    large = facts(size_bytes=381 * MIB)

    estimate = replica_memory_bytes(large, instances=1, max_batch_size=4, gpu=False)

    assert 573 * MIB < estimate < 3 * 573 * MIB


def test_pictures_count_more_than_the_floor() -> None:
    pictures = facts(inputs=[Tensor(name="x", datatype="FP32", shape=[-1, 3, 1024, 1024])])

    one = replica_memory_bytes(pictures, instances=1, max_batch_size=1, gpu=False)
    two = replica_memory_bytes(pictures, instances=1, max_batch_size=2, gpu=False)

    assert two - one == 32 * 12 * MIB


def test_every_instance_on_a_cpu_copies_the_weights_but_not_on_a_gpu() -> None:
    large = facts(size_bytes=1024 * MIB)

    def second_instance(gpu: bool) -> int:
        one, two = (
            replica_memory_bytes(large, instances=count, max_batch_size=4, gpu=gpu)
            for count in (1, 2)
        )
        return two - one

    assert second_instance(gpu=False) == (2 * 1024 + 64) * MIB
    assert second_instance(gpu=True) == 64 * MIB


def test_constants_written_as_formulas_are_counted() -> None:
    assert weight_bytes(facts(size_bytes=40_000, parameter_count=25_600_000)) == 102_400_000


@pytest.mark.parametrize("size", [100 * MIB, 50 * MIB, 13 * MIB])
def test_low_precision_is_not_taken_for_formulas(size: int) -> None:
    assert weight_bytes(facts(size_bytes=size, parameter_count=25 * MIB)) == size


def test_unknown_lengths_are_assumed() -> None:
    text = Tensor(name="ids", datatype="INT64", shape=[-1, -1])
    words = Tensor(name="words", datatype="BYTES", shape=[-1, 3])

    assert item_bytes(text, 4) == 512 * 8
    assert item_bytes(text, 0) == 512 * 512 * 8
    assert item_bytes(words, 4) == 3 * 64


@given(
    size=st.integers(0, 10**11),
    instances=st.integers(1, 8),
    batch=st.integers(0, 512),
    gpu=st.booleans(),
)
def test_more_never_needs_less(size: int, instances: int, batch: int, gpu: bool) -> None:
    def estimate(size: int, instances: int, batch: int) -> int:
        return replica_memory_bytes(
            facts(size_bytes=size), instances=instances, max_batch_size=batch, gpu=gpu
        )

    least = estimate(size, instances, batch)

    assert least % (64 * MIB) == 0
    assert least > size
    assert estimate(size * 2, instances, batch) >= least
    assert estimate(size, instances + 1, batch) >= least
    if batch > 0:
        assert estimate(size, instances, batch * 2) >= least
