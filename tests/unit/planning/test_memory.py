"""Memory of a replica: stated by the service, else by the pool, else measured, else estimated."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.planning.building import (
    DIGEST,
    facts,
    measurement,
    resources,
    single_request_facts,
    straight,
)
from triton_operator.api.inference_service import Resources
from triton_operator.api.model_profile import Measurement, ModelFacts
from triton_operator.api.tensors import Tensor
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


SIZES = (1, 2, 4)
ANY_LENGTH = facts(
    inputs=[
        Tensor(name="ids", datatype="INT32", shape=[-1, 256]),
        Tensor(name="mask", datatype="INT32", shape=[-1, -1]),
    ]
)


def row(memory: str | None, *, samples: bool = True, **changes: Any) -> Measurement:
    """Measured with batches of up to 4."""
    digest = {"samplesDigest": DIGEST} if samples else {}
    return measurement(
        straight(1, 1, SIZES), memory=memory, **{"source": "Measured", **digest, **changes}
    )


def chosen(
    known: Measurement | None,
    model: ModelFacts | None = None,
    batch: int = 4,
    *,
    gpu: bool = False,
    stated: Resources | None = None,
) -> MemoryChoice:
    return choose_memory(
        stated,
        Resources(),
        model or facts(),
        instances=1,
        max_batch_size=batch,
        gpu=gpu,
        row=known,
    )


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
    choice = chosen(row(measured))

    assert choice.memory_bytes == memory * MEBIBYTE
    assert choice.enough_bytes is not None
    assert choice.enough_bytes // MEBIBYTE == enough
    assert f"{measured} by the model's profile" in choice.reason


@pytest.mark.parametrize("stated", [resources(memory="2Gi"), None], ids=["stated", "estimated"])
def test_only_what_was_measured_leaves_pods_what_they_have(stated: Resources | None) -> None:
    choice = chosen(row("100Mi") if stated else None, stated=stated)

    assert choice.enough_bytes is None
    assert choice.stated is (stated is not None)


@pytest.mark.parametrize(
    ("known", "model", "batch", "gpu", "says"),
    [
        (row("100Mi"), None, 4, True, "it may be a GPU's own"),
        (row("100Mi", samples=False), None, 4, False, "it was measured on made-up inputs"),
        (row("100Mi"), ANY_LENGTH, 4, False, "input mask has an axis of any length"),
        (
            row("100Mi", source="Declared", samples=False),
            ANY_LENGTH,
            4,
            False,
            "input mask has an axis of any length",
        ),
        (row("100Mi"), None, 8, False, "it was measured with batches of up to 4, and not 8"),
    ],
)
def test_what_may_be_too_little_is_not_less_than_the_estimate(
    known: Measurement, model: ModelFacts | None, batch: int, gpu: bool, says: str
) -> None:
    choice, estimate = (chosen(one, model, batch, gpu=gpu) for one in (known, None))

    assert choice.memory_bytes == estimate.memory_bytes
    assert choice.reason == (
        f"{estimate.reason}; 100Mi by the model's profile do not make it less: {says}"
    )
    more = chosen(known.model_copy(update={"memory": "8Gi"}), model, batch, gpu=gpu)
    assert more.memory_bytes == 10 * GIBIBYTE


@pytest.mark.parametrize(
    "known",
    [row("100Mi"), row("100Mi", source="Declared", samples=False)],
    ids=["on samples", "declared"],
)
@pytest.mark.parametrize("batch", [0, 1, 4])
def test_what_is_known_of_such_requests_is(known: Measurement, batch: int) -> None:
    model = facts() if batch else single_request_facts()

    assert chosen(known, model, batch).memory_bytes == 256 * MEBIBYTE


def test_a_measurement_that_found_no_memory_leaves_pods_what_they_have() -> None:
    assert chosen(row(None)).memory_bytes == chosen(None).memory_bytes
    assert chosen(row(None)).enough_bytes == 0
    assert chosen(row(None, source="Declared", samples=False)).enough_bytes is None
