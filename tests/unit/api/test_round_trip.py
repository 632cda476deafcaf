"""Objects survive the models: what is read is what is written again."""

from typing import Any

import pytest
from hypothesis import given
from pydantic import BaseModel, ValidationError

from tests.objects import all_written, kind_of, title, with_text_quantities, written
from tests.strategies import (
    inference_cluster_specs,
    inference_service_specs,
    inference_work_specs,
    model_facts,
    model_profile_specs,
    serving_pool_specs,
)
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.inference_work import InferenceWorkSpec
from triton_operator.api.model_profile import ModelFacts, ModelProfileSpec
from triton_operator.api.serving_pool import ServingPoolSpec


def assert_holds(written_again: Any, value: Any, path: str = "") -> None:
    """Everything in `value` is in `written_again`, which may have defaults besides."""
    if isinstance(value, dict):
        for name, field in value.items():
            assert name in written_again, f"{path}.{name}"
            assert_holds(written_again[name], field, f"{path}.{name}")
    elif isinstance(value, list):
        assert len(written_again) == len(value), path
        for index, item in enumerate(value):
            assert_holds(written_again[index], item, f"{path}[{index}]")
    else:
        assert written_again == value, path


def assert_survives(model: type[BaseModel], value: dict[str, Any]) -> None:
    """Reading and writing keeps every field, and a second time changes nothing."""
    once = model.model_validate(value)

    assert_holds(once.wire(), with_text_quantities(value))
    assert model.model_validate(once.wire()) == once


@pytest.mark.parametrize("document", all_written(), ids=title)
def test_written_objects_survive(document: dict[str, Any]) -> None:
    kind = kind_of(document)

    assert_survives(kind.spec, document["spec"])
    if "status" in document:
        assert kind.status is not None
        assert_survives(kind.status, document["status"])


@given(inference_service_specs())
def test_any_inference_service_survives(spec: dict[str, Any]) -> None:
    assert_survives(InferenceServiceSpec, spec)


@given(serving_pool_specs())
def test_any_serving_pool_survives(spec: dict[str, Any]) -> None:
    assert_survives(ServingPoolSpec, spec)


@given(model_profile_specs())
def test_any_model_profile_survives(spec: dict[str, Any]) -> None:
    assert_survives(ModelProfileSpec, spec)


@given(inference_cluster_specs())
def test_any_inference_cluster_survives(spec: dict[str, Any]) -> None:
    assert_survives(InferenceClusterSpec, spec)


@given(inference_work_specs())
def test_any_inference_work_survives(spec: dict[str, Any]) -> None:
    assert_survives(InferenceWorkSpec, spec)


@given(model_facts())
def test_any_facts_survive(facts: ModelFacts) -> None:
    assert ModelFacts.model_validate(facts.wire()) == facts


def test_a_field_of_a_newer_version_is_ignored() -> None:
    document = written("inferenceservice-smallest")
    document["spec"]["model"]["flavour"] = "new"

    assert InferenceServiceSpec.model_validate(document["spec"]).model.uri == "pvc://models/magika"


def test_parts_are_immutable() -> None:
    spec = InferenceServiceSpec.model_validate(written("inferenceservice-smallest")["spec"])

    with pytest.raises(ValidationError, match="frozen"):
        spec.paused = True  # type: ignore[misc]


# A quantity as YAML gives it, and what the model holds.
QUANTITIES = {"integer": (2, "2"), "text": ("2", "2"), "milli": ("500m", "500m"), "zero": (0, "0")}


@pytest.mark.parametrize("name", QUANTITIES)
def test_quantity_is_held_as_text(name: str) -> None:
    given_, held = QUANTITIES[name]
    resources = {"model": {"uri": "pvc://a/b"}, "hardware": {"resources": {"cpu": given_}}}

    spec = InferenceServiceSpec.model_validate(resources)

    assert spec.hardware.resources is not None
    assert spec.hardware.resources.cpu == held


@pytest.mark.parametrize("wrong", [-1, 0.5, True, "", "2 cores", "-1", "1e3", "4gi"])
def test_what_is_no_quantity_is_refused(wrong: Any) -> None:
    resources = {"model": {"uri": "pvc://a/b"}, "hardware": {"resources": {"cpu": wrong}}}

    with pytest.raises(ValidationError, match=r"hardware\.resources\.cpu"):
        InferenceServiceSpec.model_validate(resources)
