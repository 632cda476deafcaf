"""What a repository's configs get, and what they keep."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.unit.planning.building import pool, spec
from tests.unit.planning.repositories import (
    CLASSIFIER,
    PIPELINE,
    PREPARE,
    RAW,
    Y,
    repository_facts,
    row,
)
from triton_operator.api.inference_service import Batching
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.model_source import Model
from triton_operator.api.repository import RepositoryModel, SilentField
from triton_operator.planning.chosen_model import chosen_model
from triton_operator.planning.completion import Completion, completions
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.planning.refusal import Refusal

MODELS = (PIPELINE, CLASSIFIER, PREPARE)


def completed(
    models: Sequence[RepositoryModel],
    batching: Batching,
    *,
    gpu: bool,
    threads: int | None,
    devices: int = 1,
) -> tuple[Completion, ...]:
    """The rows for an objective of 250 ms."""
    return completions(
        models,
        batching,
        gpu=gpu,
        threads=threads,
        devices=devices,
        objective_milliseconds=250,
    )


def test_a_cpu_pool_fills_what_is_silent() -> None:
    assert completed(MODELS, Batching(), gpu=False, threads=4) == (
        Completion("pipeline", metric_tags=True),
        Completion("classifier", "KIND_CPU", 4, True, 0, True),
        Completion("prepare", "KIND_CPU", None, True, 0, True),
    )


def test_a_gpu_pool_leaves_python_to_itself() -> None:
    rows = completed(MODELS, Batching(), gpu=True, threads=None)

    assert [one.instance_kind for one in rows] == [None, "KIND_GPU", None]
    assert [one.threads for one in rows] == [None, None, None]


def test_models_of_onnx_runtime_share_the_threads() -> None:
    models = [row(name, "onnxruntime") for name in "abc"]

    assert [one.threads for one in completed(models, Batching(), gpu=False, threads=4)] == [1] * 3
    assert completed(models, Batching(), gpu=False, threads=2)[0].threads == 1


def test_what_the_author_wrote_stays() -> None:
    """Nothing is silent, so nothing is added."""
    (one,) = completed([row("a", "onnxruntime", silent=[])], Batching(), gpu=False, threads=4)

    assert one == Completion("a")
    assert one.reason is None


@pytest.mark.parametrize(
    ("batching", "size", "batched"),
    [({}, 8, True), ({"mode": "Off"}, 8, False), ({}, 1, False), ({}, 0, False)],
)
def test_requests_are_put_together_where_the_spec_asks(
    batching: dict[str, Any], size: int, batched: bool
) -> None:
    model = row("a", "python", max_batch_size=size)
    wanted = Batching.model_validate({**batching, "maxQueueDelayMicroseconds": 500})

    (one,) = completed([model], wanted, gpu=False, threads=1)

    assert one.dynamic_batching is batched
    assert one.queue_delay_microseconds == (500 if batched else 0)


@pytest.mark.parametrize(
    ("changes", "devices", "timeout", "why"),
    [
        ({}, 1, 125_000, "one instance, which the operator writes"),
        ({}, 2, 0, "one on each device"),
        ({"silent": [SilentField.SCHEDULING]}, 1, 0, "the author's group may have several"),
        ({"silent": [SilentField.INSTANCE_GROUP]}, 1, 0, "the author's batcher stays"),
        ({"max_batch_size": 1}, 1, 0, "no batcher"),
    ],
)
def test_requests_are_rejected_where_the_batcher_keeps_the_limit(
    changes: dict[str, Any], devices: int, timeout: int, why: str
) -> None:
    wanted = Batching.model_validate({"overload": "Reject", "maxQueueDelayMicroseconds": 500})

    (one,) = completed(
        [row("a", "python", **changes)], wanted, gpu=False, threads=1, devices=devices
    )

    assert one.queue_timeout_microseconds == timeout, why
    assert bool(one.reason and "rejects after 125 ms" in one.reason) is bool(timeout)
    assert not (one.queue_timeout_microseconds and one.queue_delay_microseconds)


def planned(*models: Any, **parts: Any) -> PoolPlan | Refusal:
    service = spec(**parts)
    wanted = Model.model_validate({"uri": "pvc://m/r", "format": "TritonRepository"})
    known = chosen_model(wanted, repository_facts(*models), allow_code=True)
    assert isinstance(known, ModelFacts)
    made = plan_service(service, known, [pool("cpu")])
    return made.pools[0] if isinstance(made, Plan) else made


def test_every_completion_is_a_reason() -> None:
    row = planned(batching={"maxQueueDelayMicroseconds": 500})

    assert isinstance(row, PoolPlan)
    assert (
        "completed in the config.pbtxt of classifier: instance_group (one, KIND_CPU), "
        "dynamic_batching (delay 500 µs), intra_op_thread_count 1"
    ) in row.reasons
    assert "clients call model pipeline; 2 more in the repository" in row.reasons
    assert (row.max_batch_size, row.dynamic_batching) == (8, True)


def test_tensors_left_to_triton_are_said() -> None:
    silent = row("later", "onnxruntime", silent=[SilentField.TENSORS], inputs=[], outputs=[])

    found = planned(PIPELINE, silent)

    assert isinstance(found, PoolPlan)
    assert "Triton reads inputs and outputs from the files of later" in found.reasons


SILENT = [SilentField.TENSORS]


def test_tensors_that_an_inspection_found_are_filled_in() -> None:
    told = row("told", "onnxruntime", silent=SILENT, max_batch_size=8)

    found = planned(told)

    assert isinstance(found, PoolPlan)
    (completion,) = found.completions
    assert completion.inputs == (RAW,)
    assert completion.outputs == (Y,)
    assert completion.max_batch_size == 8
    assert "completed in the config.pbtxt of told: input and output, as in its ONNX file" in (
        found.reasons
    )
    assert not any("Triton reads" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"outputs": []}, id="the author declared the inputs: they must not be twice"),
        pytest.param({"inputs": [RAW.model_copy(update={"datatype": "FP8"})]}, id="no such type"),
        pytest.param({"inputs": [RAW.model_copy(update={"shape": [4]})]}, id="no batch axis"),
        pytest.param({"silent": []}, id="the author declared both"),
    ],
)
def test_other_tensors_are_not_filled_in(changes: dict[str, Any]) -> None:
    model = row("a", "onnxruntime", **{"silent": SILENT, **changes})

    (one,) = completed([model], Batching(), gpu=False, threads=1)

    assert one.inputs == one.outputs == ()


@pytest.mark.parametrize(
    ("batching", "refused"),
    [
        ({"mode": "Fixed", "maxBatchSize": 8}, False),
        ({"mode": "Fixed", "maxBatchSize": 4}, True),
        ({"maxBatchSize": 16}, False),
        ({"maxBatchSize": 4}, True),
    ],
)
def test_the_authors_batch_size_is_kept(batching: dict[str, Any], refused: bool) -> None:
    found = planned(batching=batching)

    assert isinstance(found, Refusal) is refused
    if isinstance(found, Refusal):
        assert found.reason == "BatchingNotPossible"
        assert "config.pbtxt of model pipeline" in found.message
