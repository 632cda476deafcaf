"""The text by which ONNX Runtime's TensorRT provider is told shapes, cache and precision."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from triton_operator.api.enums import Engine, Precision
from triton_operator.api.tensors import Tensor
from triton_operator.triton.model_config import (
    ModelSettings,
    config_text,
    model_config,
    parse_config,
)
from triton_operator.triton.releases import Release
from triton_operator.triton.tensorrt_provider import precision_mode, tensorrt_problem

IMAGE = Tensor(name="image", datatype="FP32", shape=[-1, 3, 224, 224])
MASK = Tensor(name="mask", datatype="INT64", shape=[-1, 224])
SETTINGS = ModelSettings(
    model_name="m",
    inputs=[IMAGE, MASK],
    outputs=[Tensor(name="y", datatype="FP32", shape=[-1, 10])],
    max_batch_size=16,
    instances=2,
    gpu=True,
    threads=None,
    dynamic_batching=True,
    engine=Engine.TENSORRT,
)


def options(settings: ModelSettings) -> dict[str, str]:
    config: Any = model_config(settings)
    (provider,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert provider.name == "tensorrt"
    return dict(provider.parameters)


def test_the_whole_range_of_batches_is_told() -> None:
    """And of every input: the provider wants all or none."""
    assert options(SETTINGS) == {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": "/engines",
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": "/engines",
        "trt_profile_min_shapes": "image:1x3x224x224,mask:1x224",
        "trt_profile_opt_shapes": "image:16x3x224x224,mask:16x224",
        "trt_profile_max_shapes": "image:16x3x224x224,mask:16x224",
    }


def test_a_model_without_a_batch_axis_has_one_shape() -> None:
    fixed = replace(
        SETTINGS,
        inputs=[Tensor(name="image", datatype="FP32", shape=[1, 3, 640, 640])],
        outputs=[Tensor(name="y", datatype="FP32", shape=[1, 84, 8400])],
        max_batch_size=0,
        dynamic_batching=False,
    )

    assert not [key for key in options(fixed) if "profile" in key]


def test_requests_of_both_ends_come_before_the_first_user() -> None:
    config: Any = model_config(SETTINGS)

    assert [sample.batch_size for sample in config.model_warmup] == [1, 16]
    assert config.backend == "onnxruntime"
    assert [group.count for group in config.instance_group] == [2]


def test_the_text_reads_back_as_it_was() -> None:
    config = model_config(replace(SETTINGS, precision_mode="FP16"))
    text = config_text(config)

    assert parse_config(text) == config
    assert 'name: "tensorrt"' in text
    assert options(replace(SETTINGS, precision_mode="FP16"))["precision_mode"] == "FP16"


def test_without_it_nothing_is_said_of_accelerators() -> None:
    """ONNX Runtime takes its CUDA provider on a GPU by itself."""
    config: Any = model_config(replace(SETTINGS, engine=None))

    assert not config.HasField("optimization")


@pytest.mark.parametrize(
    ("release", "precision", "mode"),
    [
        ("26.05", Precision.FP16, "FP16"),
        ("26.05", Precision.INT8, "INT8"),
        ("26.05", Precision.FP32, None),
        # TensorRT 11 refuses the option; the copy's own types say it.
        ("26.06", Precision.FP16, None),
        ("26.09", Precision.INT8, None),
        # Nobody knows what it has.
        ("24.04", Precision.FP16, None),
        ("27.01", Precision.FP16, None),
    ],
)
def test_a_builder_flag_where_tensorrt_has_them(
    release: str, precision: Precision, mode: str | None
) -> None:
    assert precision_mode(Release.parse(release), precision) == mode


class Row(NamedTuple):
    name: str
    inputs: list[Tensor]
    size: int
    says: str | None


@pytest.mark.parametrize(
    "case",
    [
        Row("known lengths", [IMAGE, MASK], 16, None),
        Row("the batch axis alone", [Tensor(name="x", datatype="FP32", shape=[-1])], 4, None),
        Row(
            "a name that is two in the list",
            [Tensor(name="a:1x3,b", datatype="FP32", shape=[-1, 3])],
            4,
            "a:1x3,b cannot stand in a list",
        ),
        Row("a text", [Tensor(name="x", datatype="BYTES", shape=[-1, 1])], 4, "x holds strings"),
        Row(
            "any length besides the batch",
            [IMAGE, Tensor(name="ids", datatype="INT64", shape=[-1, -1])],
            4,
            "ids has an axis of any length",
        ),
        Row(
            "any length without a batch",
            [Tensor(name="x", datatype="FP32", shape=[-1, 3])],
            0,
            "x has an axis of any length",
        ),
    ],
    ids=lambda case: case.name,
)
def test_what_it_is_nothing_for(case: Row) -> None:
    found = tensorrt_problem(case.inputs, case.size)

    assert (found is None) == (case.says is None)
    assert case.says is None or (found and case.says in found)


def test_openvino_is_a_backend_of_its_own_with_the_threads_of_the_replica() -> None:
    """As an accelerator of ONNX Runtime it would take no threads, and all cores of the node."""
    config: Any = model_config(
        replace(SETTINGS, gpu=False, threads=3, instances=1, engine=Engine.OPENVINO)
    )

    assert (config.backend, config.default_model_filename) == ("openvino", "model.onnx")
    assert {key: value.string_value for key, value in config.parameters.items()} == {
        "INFERENCE_NUM_THREADS": "3",
        "NUM_STREAMS": "1",
    }
    assert not config.HasField("optimization")
