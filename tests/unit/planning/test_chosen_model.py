"""Which model a service means, and whether its code may run."""

from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import facts
from tests.unit.planning.repositories import (
    CLASSIFIER,
    PIPELINE,
    PREPARE,
    RAW,
    Y,
    repository_facts,
    row,
)
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.model_source import Model
from triton_operator.planning.chosen_model import chosen_model, entry_model
from triton_operator.planning.refusal import Refusal


def model(**parts: Any) -> Model:
    return Model.model_validate(
        {"uri": "pvc://m/repository", "format": "TritonRepository", **parts}
    )


class Chosen(NamedTuple):
    why: str
    model: Model
    facts: ModelFacts
    entry: str


@pytest.mark.parametrize(
    "case",
    [
        Chosen("the only model", model(), repository_facts(CLASSIFIER), "classifier"),
        Chosen("the only ensemble", model(), repository_facts(), "pipeline"),
        Chosen("the named one", model(entryModel="prepare"), repository_facts(), "prepare"),
    ],
    ids=lambda case: case.why,
)
def test_the_entry_model_is_what_clients_call(case: Chosen) -> None:
    found = chosen_model(case.model, case.facts, allow_code=False)

    assert isinstance(found, ModelFacts)
    entry = entry_model(found)
    assert entry is not None
    assert entry.name == case.entry
    assert (found.inputs, found.outputs) == ([RAW], [Y])
    assert (found.batchable, found.max_batch_size) == (True, 8)
    assert found.repository is not None
    assert case.facts.repository is not None
    assert len(found.repository.models) == len(case.facts.repository.models)


class Refused(NamedTuple):
    why: str
    model: Model
    facts: ModelFacts
    reason: str
    says: str


@pytest.mark.parametrize(
    "case",
    [
        Refused("several models", model(), repository_facts(CLASSIFIER, PREPARE),
                "EntryModelNeeded", "classifier, prepare"),
        Refused("several ensembles", model(), repository_facts(PIPELINE, row("b", "ensemble")),
                "EntryModelNeeded", "pipeline, b"),
        Refused("no such model", model(entryModel="clasifier"), repository_facts(),
                "EntryModelNotFound", "classifier, pipeline, prepare"),
        Refused("no tensors", model(), repository_facts(row("a", "onnxruntime", inputs=[])),
                "EntryModelNeeded", "config.pbtxt of model a"),
        Refused("code", model(), repository_facts(code=("model 'p' runs in the backend 'python'",)),
                "CodeNotAllowed", "model 'p'"),
        Refused("another format", model(), facts(), "FormatMismatch", "says ONNX"),
        Refused("TorchScript", model(format="TorchScript"), facts(format="TorchScript"),
                "CodeNotAllowed", "is a program"),
    ],
    ids=lambda case: case.why,
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(case: Refused) -> None:
    refusal = chosen_model(case.model, case.facts, allow_code=False)

    assert isinstance(refusal, Refusal)
    assert refusal.reason == case.reason
    assert case.says in refusal.message


def test_code_runs_where_it_may() -> None:
    found = chosen_model(model(), repository_facts(code=("a library",)), allow_code=True)

    assert isinstance(found, ModelFacts)


def test_declared_tensors_are_those_of_this_service() -> None:
    """Facts belong to the digest: two services may declare one file differently."""
    declared = model(
        format="TensorRT",
        inputs=[{"name": "a", "datatype": "FP16", "shape": [-1, 3]}],
        outputs=[{"name": "b", "datatype": "BYTES", "shape": [-1]}],
        maxBatchSize=16,
    )

    found = chosen_model(
        declared, facts(format="TensorRT", inputs=[], outputs=[]), allow_code=False
    )

    assert isinstance(found, ModelFacts)
    assert [tensor.wire() for tensor in (*found.inputs, *found.outputs)] == [
        {"name": "a", "datatype": "FP16", "shape": [-1, 3]},
        {"name": "b", "datatype": "BYTES", "shape": [-1]},
    ]
    assert (found.batchable, found.max_batch_size) == (True, 16)


def test_onnx_facts_pass_through() -> None:
    known = facts()

    assert chosen_model(model(format="ONNX"), known, allow_code=False) is known


@pytest.mark.parametrize("format_", ["ONNX", "TensorRT", "OpenVINO"])
def test_a_profile_cannot_pass_a_repository_off_as_one_file(format_: str) -> None:
    """Its files would be delivered where Triton looks for models, and nobody would judge them."""
    tensor = {"name": "x", "datatype": "FP32", "shape": [-1, 2]}
    declared = {} if format_ == "ONNX" else {"inputs": [tensor], "outputs": [tensor]}
    wanted = model(format=format_, **declared)
    hostile = repository_facts(CLASSIFIER).model_copy(update={"format": wanted.format})

    refusal = chosen_model(wanted, hostile, allow_code=True)

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "FormatMismatch"
    assert "delete the profile" in refusal.message
