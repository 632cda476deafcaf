"""Memory of a replica: stated by the service, else by the pool, else measured, else estimated."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.planning.building import facts, resources
from triton_operator.api.inference_service import Resources
from triton_operator.planning.memory import MemoryChoice, choose_memory
from triton_operator.planning.quantities import MEBIBYTE, memory_quantity, size_bytes
from triton_operator.triton.memory import replica_memory_bytes

GIBIBYTE = 2**30


class Row(NamedTuple):
    name: str
    wanted: Resources | None
    pool: Resources
    expected: int
    says: str


@pytest.mark.parametrize(
    "row",
    [
        Row("pool", None, resources(memory="16Gi"), 16 * GIBIBYTE, "the pool's replicaResources"),
        Row(
            "service wins",
            resources(memory="2G"),
            resources(memory="16Gi"),
            2 * 10**9,
            "2G memory from spec.hardware.resources",
        ),
        Row(
            "cpu only",
            resources(cpu="2"),
            resources(memory="1Gi"),
            GIBIBYTE,
            "the pool's replicaResources",
        ),
    ],
    ids=lambda row: row.name,
)
def test_stated(row: Row) -> None:
    choice = choose_memory(row.wanted, row.pool, facts(), instances=1, max_batch_size=4, gpu=False)

    assert choice.memory_bytes == row.expected
    assert row.says in choice.reason


def test_estimated_when_nobody_states_it() -> None:
    choice = choose_memory(
        None, resources(cpu="2"), facts(), instances=1, max_batch_size=4, gpu=False
    )

    assert choice.memory_bytes == replica_memory_bytes(
        facts(), instances=1, max_batch_size=4, gpu=False
    )
    assert "estimated from 3145728 bytes of weights" in choice.reason


@given(st.integers(0, 10**11), st.integers(0, 10**11), st.integers(0, 64), st.booleans())
def test_a_larger_model_never_gets_less(size: int, more: int, batch: int, gpu: bool) -> None:
    def chosen(count: int) -> int:
        choice = choose_memory(
            None,
            Resources(),
            facts(size_bytes=count, parameter_count=None),
            instances=1,
            max_batch_size=batch,
            gpu=gpu,
        )
        return choice.memory_bytes

    assert size < chosen(size) <= chosen(size + more)
    assert size_bytes(memory_quantity(chosen(size))) == chosen(size), "written without loss"


@pytest.mark.parametrize(
    ("measured", "memory", "enough"),
    [
        # A quarter of a small one would be little: 128 MiB, and up to the next 64 MiB.
        ("100Mi", 256, 110),
        ("512Mi", 640, 563),
        ("1000Mi", 1280, 1100),
        ("1001Mi", 1280, 1101),
    ],
)
def test_what_was_measured_and_room_for_more(measured: str, memory: int, enough: int) -> None:
    choice = choose_memory(
        None, Resources(), facts(), instances=1, max_batch_size=4, gpu=False, measured=measured
    )

    assert choice.memory_bytes == memory * MEBIBYTE
    assert choice.enough_bytes is not None
    assert choice.enough_bytes // MEBIBYTE == enough
    assert f"{measured} by the model's profile" in choice.reason


@pytest.mark.parametrize("stated", [resources(memory="2Gi"), None], ids=["stated", "estimated"])
def test_only_what_was_measured_leaves_pods_what_they_have(stated: Resources | None) -> None:
    measured = "100Mi" if stated else None
    choice = choose_memory(
        stated, Resources(), facts(), instances=1, max_batch_size=4, gpu=False, measured=measured
    )

    assert choice.enough_bytes is None


def test_on_a_gpu_less_than_the_estimate_changes_nothing() -> None:
    def chosen(measured: str | None) -> MemoryChoice:
        return choose_memory(
            None, Resources(), facts(), instances=1, max_batch_size=4, gpu=True, measured=measured
        )

    assert chosen("1Gi") == chosen(None)
    assert chosen("8Gi").memory_bytes == 10 * GIBIBYTE
