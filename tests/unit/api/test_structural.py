"""Pydantic models become structural schemas, or are refused by name."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from triton_operator.api.crd.schema import SchemaError, structural
from triton_operator.api.fields import ApiModel, Quantity, cel, list_map


class Colour(StrEnum):
    """Which colour."""

    RED = "Red"
    BLUE = "Blue"


class Inner(ApiModel):
    """What is inside."""

    size: int = Field(3, ge=1, le=9, description="How large.")


class Needy(ApiModel):
    """Has a field without default."""

    size: int
    colour: Colour = Colour.RED


class Ruled(ApiModel):
    """Has a rule."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [cel("self.size < 5", "too large")]}
    )
    size: int = 3


class Nothing(ApiModel):
    """Says by being there."""


def field(annotation: Any, default: Any = ...) -> dict[str, Any]:
    """The schema of a field so annotated."""
    model = type(
        "Sample", (ApiModel,), {"__annotations__": {"field": annotation}, "field": default}
    )
    return structural(model)["properties"]["field"]


INNER = {
    "description": "What is inside.",
    "type": "object",
    "properties": {
        "size": {
            "description": "How large.",
            "type": "integer",
            "default": 3,
            "minimum": 1,
            "maximum": 9,
        }
    },
}

# name: (why, the field's schema, what it must be)
REWRITTEN: dict[str, tuple[str, Callable[[], dict[str, Any]], dict[str, Any]]] = {
    "optional": (
        "null is no value of this API: optional means absent",
        lambda: field(str | None, None),
        {"type": "string"},
    ),
    "object without fields": (
        "the server drops an empty list of fields",
        lambda: field(Nothing | None, None),
        {"type": "object", "description": "Says by being there.", "maxProperties": 0},
    ),
    "enum": (
        "a reference is inlined, with the description of what it points to",
        lambda: field(Colour, Colour.BLUE),
        {
            "description": "Which colour.",
            "type": "string",
            "default": "Blue",
            "enum": ["Red", "Blue"],
        },
    ),
    "description beside a reference": (
        "what is said about the field wins over what is said about its type",
        lambda: field(Colour, Field(description="Of the roof.")),
        {"description": "Of the roof.", "type": "string", "enum": ["Red", "Blue"]},
    ),
    "constant": (
        "`const` is unknown to Kubernetes",
        lambda: field(Literal["one"]),
        {"type": "string", "enum": ["one"]},
    ),
    "exclusive bounds": (
        "OpenAPI 3.0 has a flag where JSON schema has a number",
        lambda: field(int, Field(gt=0, lt=7)),
        {
            "type": "integer",
            "minimum": 0,
            "exclusiveMinimum": True,
            "maximum": 7,
            "exclusiveMaximum": True,
        },
    ),
    "quantity": (
        "as Kubernetes writes its own: no type, two alternatives, the bounds of both",
        lambda: field(Quantity),
        {
            "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$",
            "maxLength": 32,
            "minimum": 0,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
        },
    ),
    "integer or string": (
        "a union of exactly these two has its own form, and keeps the bounds of its branches",
        lambda: field(Annotated[int, Field(ge=0)] | Annotated[str, Field(max_length=5)]),
        {
            "maxLength": 5,
            "minimum": 0,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
        },
    ),
    "map": (
        "free keys, bounded values",
        lambda: field(dict[str, Annotated[str, Field(max_length=5)]]),
        {"type": "object", "additionalProperties": {"type": "string", "maxLength": 5}},
    ),
    "list map": (
        "merge keys pass through an optional list",
        lambda: field(list[Needy] | None, Field(None, json_schema_extra=list_map("size"))),
        {
            "type": "array",
            "items": structural(Needy),
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["size"],
        },
    ),
    "object with defaults": (
        "defaults inside appear only where the object itself has one",
        lambda: field(Inner, Field(default_factory=Inner)),
        {**INNER, "default": {}},
    ),
    "object that may be absent": (
        "absence has a meaning, so nothing may fill it in",
        lambda: field(Inner | None, None),
        INNER,
    ),
    "object with a required field": (
        "`{}` would be invalid",
        lambda: field(Needy | None, None),
        structural(Needy),
    ),
    "object with a rule": (
        "the server holds a default against the rules before it completes it",
        lambda: field(Ruled, Field(default_factory=Ruled)),
        {**structural(Ruled), "default": {"size": 3}},
    ),
    "rules of a type and of a field": (
        "both hold",
        lambda: {
            "rules": [
                rule["message"]
                for rule in field(
                    Ruled | None,
                    Field(None, json_schema_extra={"x-kubernetes-validations": [cel("b", "two")]}),
                )["x-kubernetes-validations"]
            ]
        },
        {"rules": ["too large", "two"]},
    ),
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_is_rewritten(name: str) -> None:
    why, actual, expected = REWRITTEN[name]

    assert actual() == expected, why


class Endless(BaseModel):
    """Contains itself."""

    next: "Endless | None" = None


class Cat(BaseModel):
    """A cat."""

    kind: Literal["Cat"] = "Cat"


class Dog(BaseModel):
    """A dog."""

    kind: Literal["Dog"] = "Dog"


class Open(BaseModel):
    """Has named fields and takes any other."""

    model_config = ConfigDict(extra="allow")
    name: str


# name: (annotation, what the error says)
REFUSED: dict[str, tuple[Any, str]] = {
    "float": (float, "floats do not survive"),
    "null only": (None, "null is not a value"),
    "anything": (Any, "needs one type"),
    "tuple": (tuple[int, str], "prefixItems"),
    "set": (set[int], "uniqueItems"),
    "list of anything": (list[Any], "needs one type for all its items"),
    "map of anything": (dict[str, Any], "one type for all its values"),
    "union": (int | bool, "one field per alternative"),
    "tagged union": (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        "no structural form",
    ),
    "recursion": (Endless, "contains itself"),
    "open object": (Open, "exclude each other"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_with_its_path(name: str) -> None:
    annotation, message = REFUSED[name]

    with pytest.raises(SchemaError, match=message) as refusal:
        field(annotation)

    assert str(refusal.value).startswith("Sample.field")


def test_a_deep_field_is_named_by_its_whole_path() -> None:
    class Row(BaseModel):
        value: float

    class Outer(BaseModel):
        rows: dict[str, list[Row]]

    with pytest.raises(SchemaError, match=r"^InferenceService\.spec\.rows{}\[\]\.value: "):
        structural(Outer, "InferenceService.spec")


def test_closed_objects_are_plain_objects() -> None:
    class Closed(BaseModel):
        model_config = ConfigDict(extra="forbid")
        name: str

    schema = structural(Closed)

    assert "additionalProperties" not in schema


def test_a_status_has_no_defaults() -> None:
    class Outer(BaseModel):
        inner: Inner = Inner()
        count: int = 0

    schema = structural(Outer, defaults=False)

    assert "default" not in repr(schema)
    assert schema["properties"]["inner"] == {
        **INNER,
        "properties": {
            "size": {k: v for k, v in INNER["properties"]["size"].items() if k != "default"}
        },
    }
