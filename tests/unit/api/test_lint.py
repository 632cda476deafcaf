"""The lint says what is wrong with a schema, and where."""

from typing import Any

import pytest

from triton_operator.api.crd import all_crds
from triton_operator.api.crd.lint import violations

TEXT = {"type": "string", "description": "A text.", "maxLength": 9}
ROW = {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}


def an_object(field: dict[str, Any]) -> dict[str, Any]:
    """A schema with one field; everything else about it is right."""
    return {"type": "object", "properties": {"field": {"description": "A field.", **field}}}


def a_list_map(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A list of `row`s that merges by `keys`."""
    return {
        "type": "array",
        "maxItems": 3,
        "items": row,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
    }


# name: (the field, what the lint says about it)
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({}, "type None is not allowed"),
    "null": ({"type": "null"}, "type null is not allowed"),
    "float": ({"type": "number"}, "type number is not allowed"),
    "unknown keyword": ({**TEXT, "const": 1}, "const is not part of a structural schema"),
    "unique items": (
        {"type": "array", "uniqueItems": True, "items": TEXT},
        "uniqueItems is not part of a structural schema",
    ),
    "numeric exclusive bound": (
        {"type": "integer", "exclusiveMinimum": 0},
        "exclusiveMinimum must be a flag beside the bound",
    ),
    "nullable": ({**TEXT, "nullable": True}, "null is not a value of this API"),
    "null among words": ({**TEXT, "enum": ["a", None]}, "null is not a value of this API"),
    "alternatives": ({"anyOf": [TEXT]}, "alternatives are for an int-or-string only"),
    "typed int-or-string": (
        {**TEXT, "x-kubernetes-int-or-string": True},
        "an int-or-string has no type, and exactly these alternatives",
    ),
    "unbounded string": (
        {"type": "string"},
        "has no maxLength: the cost of rules is estimated from it",
    ),
    "unbounded list": (
        {"type": "array", "items": TEXT, "x-kubernetes-list-type": "atomic"},
        "has no maxItems: the cost of rules is estimated from it",
    ),
    "unbounded map": (
        {"type": "object", "additionalProperties": TEXT},
        "has no maxProperties: the cost of rules is estimated from it",
    ),
    "object of nothing": ({"type": "object"}, "an object has either named fields or free keys"),
    "object of both": (
        {"type": "object", "properties": {"a": TEXT}, "additionalProperties": TEXT},
        "an object has either named fields or free keys",
    ),
    "required but absent": (
        {"type": "object", "properties": {"a": TEXT}, "required": ["b"]},
        "requires b, which it does not have",
    ),
    "list of nothing": ({"type": "array", "maxItems": 3}, "a list needs items"),
    "list that does not say how it merges": (
        {"type": "array", "maxItems": 3, "items": TEXT},
        "says not how it merges: x-kubernetes-list-type",
    ),
    "list map without keys": (
        {"type": "array", "maxItems": 3, "items": ROW, "x-kubernetes-list-type": "map"},
        "a list has keys exactly if it merges as a map",
    ),
    "key that is no field": (
        a_list_map(ROW, "path"),
        "its key path is not a simple field of its items",
    ),
    "optional key": (
        a_list_map({"type": "object", "properties": {"name": TEXT}}, "name"),
        "its key name must be required or have a default",
    ),
    "default of another type": (
        {"type": "integer", "default": "3"},
        "its own default '3' is not allowed",
    ),
    "default that is no word": (
        {**TEXT, "enum": ["a"], "default": "b"},
        "its own default 'b' is not allowed",
    ),
    "incomplete default": ({**ROW, "default": {}}, "its default lacks a required field"),
    "rule without message": (
        {**TEXT, "x-kubernetes-validations": [{"rule": "true"}]},
        "a rule needs its expression and a message that says what to write instead",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_problem_is_named_with_its_path(name: str) -> None:
    field, problem = WRONG[name]

    assert f"Kind.spec.field: {problem}" in violations(an_object(field), "Kind.spec")


RIGHT: dict[str, dict[str, Any]] = {
    "text": TEXT,
    "word": {"type": "string", "enum": ["a"], "default": "a"},
    "list map": a_list_map(ROW, "name"),
    "int-or-string": {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "maxLength": 9,
        "x-kubernetes-int-or-string": True,
    },
    "map": {"type": "object", "maxProperties": 3, "additionalProperties": TEXT},
}


@pytest.mark.parametrize("name", RIGHT)
def test_correct_field_passes(name: str) -> None:
    assert violations(an_object(RIGHT[name]), "Kind.spec") == []


def test_field_without_description_is_found() -> None:
    schema = {"type": "object", "properties": {"paused": {"type": "boolean"}}}

    assert violations(schema, "Kind.spec") == [
        "Kind.spec.paused: has no description for `kubectl explain`"
    ]


def test_problem_below_lists_and_maps_is_found() -> None:
    inner = {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "string"}}
    schema = an_object(a_list_map({**ROW, "properties": {"name": TEXT, "more": inner}}, "name"))

    assert (
        "Kind.spec.field[].more{}: has no maxLength: the cost of rules is estimated from it"
        in violations(schema, "Kind.spec")
    )


def test_every_schema_of_this_api_passes() -> None:
    for definition in all_crds():
        root = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for part in ("spec", "status"):
            if part in root["properties"]:
                assert violations(root["properties"][part], part) == []
