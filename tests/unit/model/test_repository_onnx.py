"""ONNX models inside a repository: which files are looked into, and what comes of it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from onnx import ModelProto, helper

from tests.unit.model.building import external, linear, model, relu, value
from tests.unit.model.repository_building import (
    CLASSIFIER,
    PREPARE,
    PREPARE_PY,
    data_only,
    ensemble,
    placed,
    tarred,
)
from tests.unit.model.test_repository_job import Pod
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.repository import SilentField
from triton_operator.model.errors import ModelFailure
from triton_operator.model.repository.found import OnnxFindings
from triton_operator.model.repository.onnx_inspection import completed
from triton_operator.model.repository.onnx_structures import read_onnx_files
from triton_operator.model.repository.structure import read_repository

ONNX = linear().SerializeToString()
SILENT = b'backend: "onnxruntime"\nmax_batch_size: 8\n'
LIBRARY = CLASSIFIER + b'model_operations { op_library_filename: "ops.so" }\n'


def custom() -> ModelProto:
    node = helper.make_node("Mine", ["x"], ["y"], domain="example.com")
    shape = ["n", 4]
    domains = [("", 17), ("example.com", 1)]
    return model([node], [value("x", shape)], [value("y", shape)], domains=domains)


class Files(NamedTuple):
    changes: dict[str, bytes]
    paths: list[str]
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Files({}, ["classifier/1/model.onnx"], "the model"),
        Files({"classifier/2/model.onnx": ONNX}, ["classifier/1/model.onnx",
              "classifier/2/model.onnx"], "every version, whichever is served"),
        Files({"classifier/1/part/Other.ONNX": ONNX}, ["classifier/1/model.onnx",
              "classifier/1/part/Other.ONNX"], "beside it, in any letters"),
        Files({"classifier/extra/other.onnx": b""}, ["classifier/1/model.onnx"],
              "no version folder"),
        Files({"classifier/config.pbtxt": CLASSIFIER + b'default_model_filename: "w.bin"',
               "classifier/1/w.bin": ONNX},
              ["classifier/1/model.onnx", "classifier/1/w.bin"], "another name"),
        Files({"classifier/config.pbtxt": CLASSIFIER
               + b'cc_model_filenames { key: "9.0" value: "h100" }', "classifier/1/h100": ONNX},
              ["classifier/1/h100", "classifier/1/model.onnx"], "one for a kind of GPU"),
        Files({"classifier/config.pbtxt": CLASSIFIER + b'default_model_filename: "m"',
               "classifier/1/m/model.onnx": ONNX},
              ["classifier/1/m/model.onnx", "classifier/1/model.onnx"], "a folder as the model"),
        Files({"prepare/config.pbtxt": PREPARE, "prepare/1/model.py": PREPARE_PY,
               "prepare/1/tokens.onnx": b""}, ["classifier/1/model.onnx"], "a program's own file"),
        Files({"plan/config.pbtxt": CLASSIFIER.replace(b"onnxruntime", b"tensorrt"),
               "plan/1/model.plan": b"", "plan/1/source.onnx": ONNX},
              ["classifier/1/model.onnx", "plan/1/source.onnx"], "left beside a plan"),
    ],
    ids=lambda row: row.why,
)  # fmt: skip
def test_which_files_are_looked_into(row: Files, tmp_path: Path) -> None:
    placed({**data_only(), **row.changes}, tmp_path)

    assert [file.path for file in read_repository(tmp_path, 1 << 30).onnx] == row.paths


def judged(changes: dict[str, bytes], folder: Path) -> OnnxFindings:
    placed({**data_only(), **changes}, folder)
    return read_onnx_files(folder, read_repository(folder, 1 << 30).onnx)


@pytest.mark.parametrize(
    ("changes", "reason", "said"),
    [
        ({"classifier/1/model.onnx": custom().SerializeToString()}, "UnsupportedOperator",
         "example.com.Mine"),
        ({"classifier/1/model.onnx": external("w.bin").SerializeToString()},
         "ExternalDataRefused", "'w.bin' cannot be read"),
        ({"classifier/1/model.onnx": external("w.bin").SerializeToString(),
          "classifier/1/w.bin": b"short"}, "ExternalDataRefused", "upload complete"),
        ({"classifier/1/model.onnx": external("../../w.bin").SerializeToString(),
          "w.bin": bytes(99)}, "ExternalDataRefused", "'..'"),
        ({"classifier/1/model.onnx": b"<html>"}, "NotAModel", "no ONNX model"),
    ],
)  # fmt: skip
def test_a_refusal_has_the_path_inside_the_repository(
    changes: dict[str, bytes], reason: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelFailure) as caught:
        judged(changes, tmp_path)

    assert caught.value.failure.reason == reason
    assert caught.value.failure.message.startswith("'classifier/1/model.onnx' in the repository: ")
    assert said in caught.value.failure.message


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"classifier/1/model.onnx": external("w.bin").SerializeToString(),
                      "classifier/1/w.bin": bytes(99)}, id="weights beside it"),
        pytest.param({"classifier/1/model.onnx": custom().SerializeToString(),
                      "classifier/config.pbtxt": LIBRARY}, id="operators that a library brings"),
    ],
)  # fmt: skip
def test_what_is_taken(changes: dict[str, bytes], tmp_path: Path) -> None:
    assert judged(changes, tmp_path).tensors == [], "the config declares them"


@pytest.mark.parametrize(
    ("changes", "outputs"),
    [
        pytest.param({}, [[-1, 3]], id="the model's"),
        pytest.param({"classifier/2/model.onnx": linear(out=("n", 3)).SerializeToString(),
                      "classifier/10/model.onnx": relu(["n", 7], ["n", 7]).SerializeToString()},
                     [[-1, 7]], id="of the newest version, which is the one that is served"),
        pytest.param({"classifier/config.pbtxt": SILENT
                      + b"version_policy { specific { versions: [ 1 ] } }",
                      "classifier/2/model.onnx": relu(["n", 7], ["n", 7]).SerializeToString()},
                     [[-1, 3]], id="of the version that the policy names"),
        pytest.param({"classifier/config.pbtxt": SILENT
                      + b'input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }'}, [],
                     id="none if half of them is declared"),
    ],
)  # fmt: skip
def test_tensors_of_a_silent_config(
    changes: dict[str, bytes], outputs: list[list[int]], tmp_path: Path
) -> None:
    found = judged({"classifier/config.pbtxt": SILENT, **changes}, tmp_path)

    assert [row.shape for told in found.tensors for row in told.outputs] == outputs


def test_a_file_without_the_batch_axis_of_its_config_is_refused(tmp_path: Path) -> None:
    silent = {
        "classifier/config.pbtxt": SILENT,
        "classifier/1/model.onnx": relu([4], [4]).SerializeToString(),
    }
    found = judged(silent, tmp_path)

    with pytest.raises(ModelFailure, match="max_batch_size is 8"):
        completed(read_repository(tmp_path, 1 << 30).models, found.tensors)


@pytest.fixture
def pod(tmp_path: Path, credentials_dir: Path) -> Pod:
    (tmp_path / "pod").mkdir()
    return Pod(tmp_path / "pod", credentials_dir)


Put = Callable[[dict[str, bytes], Path], str]


def as_folder(files: dict[str, bytes], source: Path) -> str:
    placed(files, source / "r")
    return "pvc://models/r"


def as_wrapped_folder(files: dict[str, bytes], source: Path) -> str:
    placed(files, source / "r" / "inside")
    return "pvc://models/r"


def as_archive(files: dict[str, bytes], source: Path) -> str:
    (source / "r.tar.gz").write_bytes(tarred(files, prefix="./inside/"))
    return "pvc://models/r.tar.gz"


PUTS = [as_folder, as_wrapped_folder, as_archive]


def told(facts: ModelFacts) -> list[list[int]]:
    assert facts.repository is not None
    return [row.shape for row in facts.repository.models[0].inputs]


@pytest.mark.parametrize("put", PUTS)
def test_facts_have_what_only_the_file_says(put: Put, pod: Pod) -> None:
    text = SILENT + b'default_model_filename: "weights.bin"'
    files = {
        "classifier/config.pbtxt": text,
        "classifier/1/weights.bin": external("w/1.bin").SerializeToString(),
        "classifier/1/w/1.bin": bytes(99),
    }

    facts = pod.facts(put(files, pod.source))

    assert told(facts) == [[-1, 4]]
    assert facts.repository is not None
    assert SilentField.TENSORS in facts.repository.models[0].silent
    assert "onnx" in facts.tool_versions


@pytest.mark.parametrize("put", PUTS)
def test_a_refused_file_refuses_the_repository(put: Put, pod: Pod) -> None:
    files = {**data_only(), "classifier/1/model.onnx": custom().SerializeToString()}

    reason, message = pod.refusal(put(files, pod.source))

    assert reason == "UnsupportedOperator"
    assert message.startswith("'classifier/1/model.onnx' in the repository: ")


def test_code_is_refused_before_models_are_parsed(pod: Pod) -> None:
    files = {**ensemble(), "classifier/1/model.onnx": b"<html>"}

    assert pod.refusal(as_folder(files, pod.source))[0] == "CodeNotAllowed"


def test_tensors_that_do_not_fit_into_an_answer_are_left_to_triton(pod: Pod) -> None:
    """What was servable without them stays so."""
    # Names that do not compress.
    names = [hashlib.sha256(bytes([number])).hexdigest() for number in range(250)]
    nodes = [helper.make_node("Relu", ["x"], [name]) for name in names]
    wide = model(nodes, [value("x", ["n", 4])], [value(name, ["n", 4]) for name in names])
    files = {"m/config.pbtxt": SILENT, "m/1/model.onnx": wide.SerializeToString()}

    facts = pod.facts(as_folder(files, pod.source))

    assert told(facts) == []


@pytest.mark.parametrize("put", PUTS)
def test_every_layout_is_delivered(put: Put, pod: Pod) -> None:
    assert pod.fetch(put(data_only(), pod.source)) == 0

    assert pod.served() == data_only()
