"""The API server and the models fill in the same defaults."""

from copy import deepcopy
from typing import Any

import pytest

from tests.objects import kind_of, with_text_quantities, written
from triton_operator.api.crd.schema import Schema, children, structural


def defaulted(value: Any, schema: Schema) -> Any:
    """`value` with the schema's defaults, filled in as the API server does."""
    if isinstance(value, list):
        return [defaulted(item, schema["items"]) for item in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    filled = dict(value)
    for name, field in schema["properties"].items():
        if name not in filled and "default" in field:
            filled[name] = deepcopy(field["default"])
        if name in filled:
            filled[name] = defaulted(filled[name], field)
    return filled


def without_empty(value: Any) -> Any:
    """Empty objects and lists left out: nothing is in them."""
    if not isinstance(value, dict):
        return value
    return {
        name: kept
        for name, field in value.items()
        if (kept := without_empty(field)) not in ({}, [])
    }


@pytest.mark.parametrize(
    "name",
    [
        "inferenceservice-smallest",
        "inferenceservice-every-field",
        "inferenceservice-repository",
        "inferenceservice-declared",
        "servingpool-smallest",
        "servingpool-every-field",
        "modelprofile-smallest",
        "modelprofile-every-field",
        "inferencecluster-smallest",
        "inferencecluster-every-field",
        "inferencecluster-pull",
        "inferencework-smallest",
        "inferencework-every-field",
    ],
)
def test_server_and_model_agree(name: str) -> None:
    document = written(name)
    kind = kind_of(document)

    by_server = with_text_quantities(defaulted(document["spec"], structural(kind.spec)))

    assert without_empty(by_server) == without_empty(
        kind.spec.model_validate(document["spec"]).wire()
    )


def test_an_absent_accelerator_stays_absent() -> None:
    document = written("servingpool-smallest")
    kind = kind_of(document)

    assert defaulted(document["spec"], structural(kind.spec)) == {}


BESIDE = {
    "inferenceservice": ["inferenceservice-repository", "inferenceservice-declared"],
    "inferencecluster": ["inferencecluster-pull"],
}
"""Fields that exclude each other cannot be in one object."""


@pytest.mark.parametrize(
    "name", ["inferenceservice", "servingpool", "modelprofile", "inferencecluster"]
)
def test_the_object_with_every_field_has_every_field(name: str) -> None:
    document = written(f"{name}-every-field")
    kind = kind_of(document)
    specs = [document["spec"], *(written(other)["spec"] for other in BESIDE.get(name, ()))]

    assert _missing(specs, structural(kind.spec), "spec") == []
    if kind.status is not None:
        assert _missing([document["status"]], structural(kind.status), "status") == []


def test_a_work_has_every_field_beside_those_of_a_service() -> None:
    """The template is the spec of a service, whose fields have objects of their own."""
    document = written("inferencework-every-field")
    kind = kind_of(document)

    missing = _missing([document["spec"]], structural(kind.spec), "spec")

    assert [path for path in missing if not path.startswith("spec.template.")] == []
    assert kind.status is not None
    assert _missing([document["status"]], structural(kind.status), "status") == []


def _missing(instances: list[Any], schema: Schema, path: str) -> list[str]:
    """Paths below `schema` for which none of the `instances` of it has a value."""
    found: list[str] = []
    for suffix, child in children(schema):
        if suffix == "[]":
            below = [item for instance in instances for item in instance]
        elif suffix == "{}":
            below = [value for instance in instances for value in instance.values()]
        else:
            name = suffix.removeprefix(".")
            below = [instance[name] for instance in instances if name in instance]
        found += _missing(below, child, path + suffix) if below else [path + suffix]
    return found
