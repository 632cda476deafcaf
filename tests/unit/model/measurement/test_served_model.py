"""What a measurement reads in Triton's own words about a model."""

from typing import Any

import pytest

from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.served_model import release_name, served_model

INPUT = {"name": "x", "data_type": "TYPE_FP32", "dims": ["3", "-1"]}


def config(**changes: Any) -> dict[str, Any]:
    """64-bit numbers are strings in protobuf's JSON."""
    return {
        "backend": "onnxruntime",
        "max_batch_size": 8,
        "input": [INPUT],
        "instance_group": [{"kind": "KIND_CPU", "count": 2}],
        "parameters": {"intra_op_thread_count": {"string_value": "4"}},
        **changes,
    }


def test_a_model_on_cpus() -> None:
    found = served_model(config())

    assert (found.engine, found.instances, found.threads, found.gpu) == ("onnxruntime", 2, 4, False)
    assert found.batched
    assert found.inputs[0].shape == [-1, 3, -1]


def test_the_provider_that_runs_it_has_a_name_of_its_own() -> None:
    """Its times are others than those by ONNX Runtime's kernels."""
    providers = {"gpu_execution_accelerator": [{"name": "tensorrt", "parameters": {}}]}
    by_cuda = {"graph": {"level": 0}, "execution_accelerators": {}}

    found = served_model(config(optimization={"execution_accelerators": providers}))

    assert found.engine == "onnxruntime-tensorrt"
    assert served_model(config(optimization=by_cuda)).engine == "onnxruntime"


def test_each_backend_has_its_own_word_for_threads() -> None:
    parameters = {"INFERENCE_NUM_THREADS": {"string_value": "3"}}

    found = served_model(config(backend="openvino", parameters=parameters))

    assert (found.engine, found.threads) == ("openvino", 3)


def test_without_a_batch_axis() -> None:
    found = served_model(config(max_batch_size=0))

    assert not found.batched
    assert found.inputs[0].shape == [3, -1]


def test_instances_are_per_device() -> None:
    groups = [{"kind": "KIND_GPU", "count": 2, "gpus": [0, 1]}, {"kind": "KIND_CPU"}]

    assert served_model(config(instance_group=groups)).instances == 5


def test_a_profile_counts_instances_on_each_device() -> None:
    groups = [{"kind": "KIND_GPU", "count": 2, "gpus": [0, 1]}]
    found = served_model(config(instance_group=groups))

    assert (found.instances, found.instances_on_each) == (4, 2)


@pytest.mark.parametrize("parameters", [{}, {"intra_op_thread_count": {"string_value": "0"}}])
def test_threads_that_are_not_set(parameters: dict[str, Any]) -> None:
    assert served_model(config(parameters=parameters)).threads is None


@pytest.mark.parametrize(
    "changes",
    [
        {"input": None},
        {"input": [{"name": "x"}]},
        {"input": [{**INPUT, "data_type": "TYPE_COMPLEX"}]},
        {"max_batch_size": "many"},
        {"instance_group": [3]},
    ],
)
def test_something_else_is_no_config(changes: dict[str, Any]) -> None:
    with pytest.raises(WorkFailed, match="config"):
        served_model(config(**changes))


def test_releases_are_known_by_their_version() -> None:
    assert release_name("2.51.0") == "24.10"
    assert release_name("9.9.9") is None
