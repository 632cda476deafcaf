"""What is judged in a repository: configs, layout, ensembles, and what executes code."""

from pathlib import Path

import pytest

from tests.unit.model.repository_building import (
    CLASSIFIER,
    PIPELINE,
    PREPARE,
    PREPARE_PY,
    data_only,
    ensemble,
    placed,
)
from triton_operator.api.repository import SilentField
from triton_operator.model.errors import ModelRefused
from triton_operator.model.repository.found import RepositoryStructure
from triton_operator.model.repository.structure import read_repository


def judged(folder: Path) -> RepositoryStructure:
    return read_repository(folder, 1 << 30)


def refusal(folder: Path) -> tuple[str, str]:
    with pytest.raises(ModelRefused) as caught:
        judged(folder)
    return caught.value.failure.reason, caught.value.failure.message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"p/config.pbtxt": PREPARE.replace(b"prepare", b"p"), "p/1/model.py": PREPARE_PY},
         "model 'p' runs in the backend 'python'"),
        ({"classifier/1/batchstrategy.so": b""}, "batchstrategy.so"),
        ({"classifier/1/weights.bin": b"\x7fELF and so on"}, "weights.bin"),
        ({"classifier/config.pbtxt": CLASSIFIER
          + b'model_operations { op_library_filename: "a.so" }'}, "op_library_filename"),
        ({"classifier/config.pbtxt": CLASSIFIER
          + b'model_repository_agents { agents { name: "checksum" } }'}, "model_repository_agents"),
        ({"classifier/config.pbtxt": CLASSIFIER
          + b'parameters { key: "EXECUTION_ENV_PATH" value { string_value: "e.tar" } }'},
         "EXECUTION_ENV_PATH"),
        ({"classifier/config.pbtxt": CLASSIFIER + b'runtime: "libtriton_mine.so"'}, "'runtime'"),
        ({"classifier/config.pbtxt": CLASSIFIER + b"""
          optimization { execution_accelerators { gpu_execution_accelerator { name: "tensorrt"
          parameters { key: "trt_extra_plugin_lib_paths" value: "/models/a/1/x" } } } }"""},
         "trt_extra_plugin_lib_paths"),
        ({"t/config.pbtxt": CLASSIFIER.replace(b"onnxruntime", b"pytorch"), "t/1/model.pt": b""},
         "'pytorch'"),
    ],
)  # fmt: skip
def test_code_is_found(changes: dict[str, bytes], said: str, tmp_path: Path) -> None:
    placed({**data_only(), **changes}, tmp_path)

    assert any(said in row for row in judged(tmp_path).code)


def test_data_alone_is_no_code(tmp_path: Path) -> None:
    assert judged(placed(data_only(), tmp_path)).code == []


def step(name: bytes) -> bytes:
    """The pipeline with another second step, which takes what the pipeline itself takes."""
    other = PIPELINE.replace(b'"classifier"', b'"%s"' % name)
    return other.replace(
        b'key: "x" value: "ready" }\n    output_map { key: "y"',
        b'key: "raw" value: "ready" }\n    output_map { key: "y"',
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"classifier/config.pbtxt": CLASSIFIER + b"max_batchsize: 4"}, "5:1"),
        ({"classifier/config.pbtxt": CLASSIFIER + b'name: "other"'}, "name: 'other'"),
        ({"classifier/config.pbtxt": b"\xff\xfe"}, "UTF-8"),
        ({"classifier/config.pbtxt": CLASSIFIER.replace(b'backend: "onnxruntime"', b"")},
         "neither 'backend' nor 'platform'"),
        ({"classifier/config.pbtxt": CLASSIFIER + b'platform: "tensorrt_plan"'}, "contradicts"),
        ({"classifier/config.pbtxt": CLASSIFIER + b'default_model_filename: "m.onnx"'},
         "classifier/1/m.onnx"),
        ({"classifier/config.pbtxt": CLASSIFIER + b'default_model_filename: "../m.onnx"'},
         "not a plain name"),
        ({"classifier/config.pbtxt": CLASSIFIER
          + b"version_policy { specific { versions: [ 3 ] } }"}, "classifier/3"),
        ({"stray/1/model.onnx": b""}, "stray/config.pbtxt"),
        ({".git/config": b""}, ".git"),
        ({"empty/config.pbtxt": CLASSIFIER}, "empty/1"),
        ({"config.pbtxt": CLASSIFIER}, "folder above"),
        ({"pipeline/config.pbtxt": step(b"absent")}, "step[1].model_name"),
        ({"pipeline/config.pbtxt": step(b"pipeline")}, "pipeline -> pipeline"),
        ({"pipeline/config.pbtxt": PIPELINE.replace(b'key: "x" value: "ready"',
                                                    b'key: "z" value: "ready"', 1)},
         "step[0].output_map"),
        ({"pipeline/config.pbtxt": PIPELINE.replace(b"model_version: -1", b"model_version: 7", 1)},
         "step[0].model_version"),
        ({"pipeline/config.pbtxt": PIPELINE + b"instance_group { count: 1 }"}, "instance_group"),
    ],
)  # fmt: skip
def test_configs_are_checked(changes: dict[str, bytes], said: str, tmp_path: Path) -> None:
    placed({**ensemble(), **changes}, tmp_path)

    reason, message = refusal(tmp_path)

    assert reason == "RepositoryRefused"
    assert said in message


def test_ensembles_in_a_circle(tmp_path: Path) -> None:
    files = {"a/config.pbtxt": step(b"b"), "b/config.pbtxt": step(b"a")}
    placed({**ensemble(), **files}, tmp_path)

    _, message = refusal(tmp_path)

    assert "contains itself" in message
    assert "a -> b -> a" in message or "b -> a -> b" in message


def test_a_model_may_leave_its_tensors_to_triton(tmp_path: Path) -> None:
    silent = {**data_only(), "classifier/config.pbtxt": b'platform: "onnxruntime_onnx"'}

    model = judged(placed(silent, tmp_path)).models[0]

    assert SilentField.TENSORS in model.silent
    assert model.inputs == []
