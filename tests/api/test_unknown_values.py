"""What the API does not know is refused or left out, never kept."""

from typing import Any

import pytest

from tests.api.client import Api, RefusedError
from tests.api.paths import changed
from tests.objects import written

# path: where a typing mistake goes
UNKNOWN = (
    "spec.modle",
    "spec.model.url",
    "spec.batching.maxBatchsize",
    "spec.hardware.resources.gpu",
    "spec.runtime.env[0].valuefrom",
)


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_field_is_refused(api: Api, path: str) -> None:
    with pytest.raises(RefusedError, match="strict decoding error: unknown field") as refusal:
        api.create(changed(written("inferenceservice-every-field"), {path: "x"}), dry_run=True)

    assert f'"{path}"' in refusal.value.message


def test_an_unknown_field_is_left_out_where_the_client_does_not_ask(api: Api) -> None:
    document = changed(written("inferenceservice-smallest"), {"spec.model.url": "x"})

    assert "url" not in api.create(document, strict=False, dry_run=True)["spec"]["model"]


# name: (kind, path, value, what the server says)
WRONG: dict[str, tuple[str, str, Any, str]] = {
    "no model": ("inferenceservice", "spec", {}, "spec.model: Required value"),
    "a bare Off, which YAML reads as false": (
        "inferenceservice",
        "spec.batching.mode",
        False,
        "must be of type string",
    ),
    "a word that is none": (
        "inferenceservice",
        "spec.objective.prefer",
        "Speed",
        'supported values: "Cost", "Latency", "Throughput", "Energy"',
    ),
    "words in capitals": (
        "inferenceservice",
        "spec.model.format",
        "onnx",
        'supported values: "ONNX", "TensorRT"',
    ),
    "a float for a decimal": (
        "inferenceservice",
        "spec.precision.minAgreement",
        0.99,
        "must be of type string",
    ),
    "a float for a quantity": (
        "inferenceservice",
        "spec.hardware.resources.cpu",
        0.5,
        "must be of type",
    ),
    "a negative quantity": (
        "inferenceservice",
        "spec.hardware.resources.cpu",
        -1,
        "should be greater than or equal to 0",
    ),
    "no patience": (
        "inferenceservice",
        "spec.objective.latency.milliseconds",
        0,
        "should be greater than or equal to 1",
    ),
    "no pools": ("inferenceservice", "spec.hardware.pools", [], "at least 1 items"),
    "one variable twice": (
        "inferenceservice",
        "spec.runtime.env[0].name",
        "TOKEN",
        "Duplicate value",
    ),
    "one precision twice": ("servingpool", "spec.precisions", ["FP32", "FP32"], "Duplicate value"),
    "one engine twice": (
        "servingpool",
        "spec.engines",
        ["TensorRT", "TensorRT"],
        "Duplicate value",
    ),
    "one tensor twice": (
        "modelprofile",
        "spec.facts.inputs",
        [{"name": "x", "datatype": "FP32", "shape": [1]}] * 2,
        "Duplicate value",
    ),
    "a time that is none": (
        "modelprofile",
        "spec.measurements[0].time",
        "yesterday",
        "must be of type date-time",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_with_its_path(api: Api, name: str) -> None:
    kind, path, value, message = WRONG[name]

    with pytest.raises(RefusedError) as refusal:
        api.create(changed(written(f"{kind}-every-field"), {path: value}), dry_run=True)

    assert refusal.value.code == 422
    assert message in refusal.value.message
