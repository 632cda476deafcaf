"""`triton-operator model inspect`: a model's facts, to read or to commit."""

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import yaml
from click.testing import Result

from tests.unit.model.building import linear, model, relu, saved, value
from triton_operator.api.model_profile import ModelProfileSpec
from triton_operator.cli.exit_codes import INVALID, OK
from triton_operator.model.digest import file_row

Call = Callable[..., Result]


def test_a_table_for_people(call: Call, tmp_path: Path) -> None:
    path = saved(linear(), tmp_path)

    result = call("model", "inspect", path)

    assert result.exit_code == OK
    for part in (str(path), "digest", "sha256:", "parameters", "15", "opset", "17"):
        assert part in result.stdout
    tensors = [
        line.split() for line in result.stdout.splitlines() if line.startswith(("in", "out"))
    ]
    assert tensors == [
        ["input", "x", "FP32", "[-1,", "4]"],
        ["output", "y", "FP32", "[-1,", "3]"],
    ]


def test_why_a_model_cannot_be_batched(call: Call, tmp_path: Path) -> None:
    result = call("model", "inspect", saved(relu([1, 4], [1, 4]), tmp_path))

    assert "not batchable" in result.stdout


@pytest.mark.parametrize("output", ["yaml", "json"])
def test_a_profile_to_commit(call: Call, tmp_path: Path, output: str) -> None:
    path = saved(linear(), tmp_path)

    result = call("model", "inspect", path, "-o", output, "-n", "shop")

    profile = (yaml.safe_load if output == "yaml" else json.loads)(result.stdout)
    spec = ModelProfileSpec.model_validate(profile["spec"], extra="forbid")
    assert profile["kind"] == "ModelProfile"
    assert profile["metadata"]["namespace"] == "shop"
    assert spec.digest == file_row(path, "model.onnx").digest
    assert spec.facts is not None
    assert spec.facts.parameter_count == 15


def test_a_committed_profile_is_what_a_plan_needs(call: Call, tmp_path: Path) -> None:
    profile = call("model", "inspect", saved(linear(), tmp_path), "-o", "yaml").stdout
    digest = yaml.safe_load(profile)["spec"]["digest"]
    file = tmp_path / "both.yaml"
    file.write_text(
        f"{profile}---\n"
        "apiVersion: serving.triton-operator.io/v1alpha1\n"
        "kind: InferenceService\n"
        "metadata: {name: a}\n"
        f"spec: {{model: {{uri: pvc://m/a.onnx, digest: '{digest}'}}}}\n"
    )

    assert call("plan", "-f", file).exit_code == OK


@pytest.mark.parametrize("name", ["[/]", "[red]x", "a[0]", "[link=x]"])
def test_names_are_printed_as_they_are(call: Call, tmp_path: Path, name: str) -> None:
    """They come from a file that nobody vouches for, and are no markup."""
    node = onnx.helper.make_node("Relu", [name], ["y"])
    built = model([node], [value(name, ["n", 4])], [value("y", ["n", 4])])

    result = call("model", "inspect", saved(built, tmp_path))

    assert result.exit_code == OK
    assert name in result.stdout


@pytest.mark.parametrize("content", [None, b"", b"no model"], ids=["absent", "empty", "text"])
def test_what_is_no_model(call: Call, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.onnx"
    if content is not None:
        path.write_bytes(content)

    result = call("model", "inspect", path)

    assert result.exit_code == INVALID
    assert result.stderr.startswith(f"{path}: ")
    assert result.stdout == ""


def test_a_folder_is_no_model(call: Call, tmp_path: Path) -> None:
    assert call("model", "inspect", tmp_path).exit_code == INVALID
