"""Batching: what the spec wants, within what the model allows."""

from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import facts, single_request_facts
from triton_operator.api.enums import ModelFormat
from triton_operator.api.inference_service import Batching
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.tensors import Tensor
from triton_operator.planning.batching import (
    BATCHING_NOT_POSSIBLE,
    BatchChoice,
    choose_batching,
)
from triton_operator.planning.refusal import Refusal


class Row(NamedTuple):
    name: str
    batching: dict[str, Any]
    size: int
    dynamic: bool
    why: str
    gpu: bool = False
    facts: ModelFacts = facts()
    says: str = ""


@pytest.mark.parametrize(
    "row",
    [
        Row("auto on cpu", {}, 4, True, "small until measured", says="bound for a CPU"),
        Row("auto on gpu", {}, 16, True, "GPUs need more to be full", gpu=True),
        Row(
            "auto, bounded",
            {"maxBatchSize": 2},
            2,
            True,
            "an upper bound",
            says="bound in spec.batching",
        ),
        Row("auto, bound above", {"maxBatchSize": 64}, 4, True, "a bound is no wish"),
        Row("auto, bound at", {"maxBatchSize": 4}, 4, True, "the bound itself is allowed"),
        Row("auto, bound 1", {"maxBatchSize": 1}, 1, False, "nothing to put together"),
        Row("off", {"mode": "Off"}, 1, False, "keeps the batch axis: clients' shapes stay"),
        Row(
            "fixed",
            {"mode": "Fixed", "maxBatchSize": 32},
            32,
            True,
            "exactly this, above any default",
            says="spec.batching.mode is Fixed",
        ),
        Row("fixed 1", {"mode": "Fixed", "maxBatchSize": 1}, 1, False, "a batch of one"),
        Row(
            "not batchable",
            {},
            0,
            False,
            "Triton's 0: the tensors have no batch axis",
            facts=single_request_facts(),
            says="axis 0 of input 'image' has the fixed length 1",
        ),
        Row(
            "not batchable, off",
            {"mode": "Off"},
            0,
            False,
            "still no batch axis",
            facts=single_request_facts(),
        ),
        Row(
            "not batchable, fixed 1",
            {"mode": "Fixed", "maxBatchSize": 1},
            0,
            False,
            "single requests are what was asked for",
            facts=single_request_facts(),
        ),
    ],
    ids=lambda row: row.name,
)
def test_choice(row: Row) -> None:
    choice = choose_batching(Batching.model_validate(row.batching), row.facts, gpu=row.gpu)

    assert isinstance(choice, BatchChoice)
    assert (choice.max_batch_size, choice.dynamic) == (row.size, row.dynamic), row.why
    assert row.says in choice.reason


def test_a_fixed_batch_that_the_model_cannot_take_is_refused() -> None:
    fixed = Batching.model_validate({"mode": "Fixed", "maxBatchSize": 8})

    refusal = choose_batching(fixed, single_request_facts(), gpu=False)

    assert isinstance(refusal, Refusal)
    assert refusal.reason == BATCHING_NOT_POSSIBLE
    assert "maxBatchSize 8" in refusal.message
    assert "axis 0 of input 'image'" in refusal.message
    assert refusal.message.endswith("choose Auto or Off")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, True),
        ({"outputs": [Tensor(name="boxes", datatype="FP32", shape=[84, 8400])]}, False),
        ({"inputs": [Tensor(name="state", datatype="FP32", shape=[2, 1, 64])]}, False),
        ({"inputs": [Tensor(name="rate", datatype="INT64", shape=[])]}, False),
        ({"format": ModelFormat.OPENVINO}, False),
    ],
)
def test_what_gives_a_batch_of_one_an_axis_is_named(changes: dict[str, Any], told: bool) -> None:
    """Where the command would take the model at all."""
    fixed = Batching.model_validate({"mode": "Fixed", "maxBatchSize": 8})
    refusal = choose_batching(fixed, single_request_facts(**changes), gpu=False)

    assert isinstance(refusal, Refusal)
    assert ("`triton-operator model convert --to DynamicBatch`" in refusal.message) is told
