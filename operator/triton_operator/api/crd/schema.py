"""Pydantic models as structural schemas, the form in which Kubernetes wants a resource described.

The JSON schema that pydantic writes is refused by the API server in a dozen places: references,
null types, constants, numeric exclusive bounds. `structural` rewrites it node by node. What has no
structural form (a tagged union, a tuple, a float) is refused here, where its path can be named:
dropped silently, it would be a field that validates nothing.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

KEPT = (
    "description",
    "type",
    "format",
    "default",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
)
"""Keywords that mean the same in both worlds, in the order in which they are written."""
DROPPED = ("title", "examples", "deprecated", "$defs")
EXTENSION = "x-kubernetes-"
INT_OR_STRING = "x-kubernetes-int-or-string"
VALIDATIONS = "x-kubernetes-validations"


class SchemaError(ValueError):
    """A model that has no structural schema; the text names the field and what to write instead."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


def structural(model: type[BaseModel], path: str = "", *, defaults: bool = True) -> Schema:
    """The structural schema of `model`, every reference inlined; `path` begins the paths of errors.

    Without `defaults` no default is written, as suits a status: what nobody observed is absent.

    Raises:
        SchemaError: some field has no structural form.
    """
    source = model.model_json_schema(by_alias=True)
    schema = _Rewriting(source.get("$defs", {})).node(source, path or model.__name__, ())
    if not defaults:
        for node in nodes(schema):
            node.pop("default", None)
    return schema


def nodes(schema: Schema) -> Iterator[Schema]:
    """`schema` and every schema below it."""
    yield schema
    for _, child in children(schema):
        yield from nodes(child)


def children(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The schemas directly below, each with the suffix that it adds to a path."""
    for name, child in schema.get("properties", {}).items():
        yield f".{name}", child
    if "items" in schema:
        yield "[]", schema["items"]
    if isinstance(schema.get("additionalProperties"), dict):
        yield "{}", schema["additionalProperties"]


_NOT_A_TYPE = {
    "number": "floats do not survive every client: use an integer with its unit, or a Decimal",
    "null": "null is not a value of this API: leave the field out",
}


@dataclass(frozen=True)
class _Rewriting:
    """One model's rewriting: `definitions` are what its references point to."""

    definitions: Mapping[str, Schema]

    def node(self, source: Schema, path: str, seen: tuple[str, ...]) -> Schema:
        """`source` rewritten; `seen` are the references inlined on the way down to it."""
        source, seen = self._resolved(source, path, seen)
        _refuse_unknown(source, path)
        if "const" in source:
            source = {**source, "enum": [source["const"]]}
        node = {key: deepcopy(source[key]) for key in KEPT if key in source}
        _exclusive_bounds(node)
        if source.get(INT_OR_STRING):
            del node["type"]
            node["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        elif node.get("type") not in ("object", "array", "string", "integer", "boolean"):
            raise SchemaError(path, _NOT_A_TYPE.get(node.get("type", ""), "needs one type"))
        elif node["type"] == "object":
            self._object(node, source, path, seen)
        elif node["type"] == "array":
            if not source.get("items"):
                raise SchemaError(path, "a list needs one type for all its items")
            node["items"] = self.node(source["items"], f"{path}[]", seen)
        return node | {key: deepcopy(source[key]) for key in source if key.startswith(EXTENSION)}

    def _resolved(
        self, source: Schema, path: str, seen: tuple[str, ...]
    ) -> tuple[Schema, tuple[str, ...]]:
        """`source` without references and unions; what stands beside them wins over their own."""
        while True:
            if "$ref" in source:
                name = source["$ref"].rsplit("/", 1)[-1]
                if name in seen:
                    raise SchemaError(path, f"{name} contains itself: a schema must have an end")
                seen = (*seen, name)
                source = _merged(self.definitions[name], _without(source, "$ref"))
            elif len(source.get("allOf", ())) == 1:
                source = _merged(source["allOf"][0], _without(source, "allOf"))
            elif "anyOf" in source:
                source = _union(source, path)
            else:
                return source, seen

    def _object(self, node: Schema, source: Schema, path: str, seen: tuple[str, ...]) -> None:
        values = source.get("additionalProperties")
        if "properties" in source:
            # A closed object (`false`) is what a structural schema means anyway.
            if values:
                raise SchemaError(path, "named fields and free keys exclude each other")
            if not source["properties"]:
                # The server drops an empty list of fields; this says the same, and stays.
                node["maxProperties"] = 0
                return
            node["properties"] = {
                name: self._property(
                    child, name not in source.get("required", ()), path, name, seen
                )
                for name, child in source["properties"].items()
            }
        elif isinstance(values, dict) and values:
            node["additionalProperties"] = self.node(values, f"{path}{{}}", seen)
        else:
            raise SchemaError(path, "an object needs named fields, or one type for all its values")

    def _property(
        self, source: Schema, optional: bool, path: str, name: str, seen: tuple[str, ...]
    ) -> Schema:
        """The schema of one field, with `default: {}` where that makes defaults inside it appear.

        The API server fills in a default only where the parent exists, so `objective` needs one for
        `objective.prefer` to get its own. An object that may be None means something by its absence
        (a pool without `accelerator` is a CPU pool), and `{}` without a required field is invalid.
        """
        child = self.node(source, f"{path}.{name}", seen)
        if (
            optional
            and "default" not in child
            and not any(branch.get("type") == "null" for branch in source.get("anyOf", ()))
            and not child.get("required")
            and any("default" in field for field in child.get("properties", {}).values())
        ):
            described = {key: child.pop(key) for key in ("description", "type")}
            # The server holds a default against the rules before it fills in what is inside.
            inside = _inner_defaults(child) if VALIDATIONS in child else {}
            child = described | {"default": inside} | child
        return child


def _inner_defaults(node: Schema) -> dict[str, Any]:
    fields = node["properties"].items()
    return {name: deepcopy(field["default"]) for name, field in fields if "default" in field}


def _refuse_unknown(source: Schema, path: str) -> None:
    known = (*KEPT, *DROPPED, "const", "properties", "items", "additionalProperties")
    if unknown := [key for key in source if key not in known and not key.startswith(EXTENSION)]:
        raise SchemaError(path, f"{', '.join(unknown)} has no structural form: use plain fields")


def _union(source: Schema, path: str) -> Schema:
    branches = [branch for branch in source["anyOf"] if branch.get("type") != "null"]
    outside = _without(source, "anyOf")
    if len(branches) < len(source["anyOf"]) and outside.get("default", ...) is None:
        # "Optional" means "absent" here: null is no value of this API.
        del outside["default"]
    if len(branches) == 1:
        return _merged(branches[0], outside)
    by_type = {branch.get("type"): branch for branch in branches}
    if set(by_type) == {"integer", "string"} and len(branches) == 2:
        return _merged(by_type["integer"] | by_type["string"], {INT_OR_STRING: True} | outside)
    raise SchemaError(path, "a union has no structural form: use one field per alternative")


def _merged(inner: Schema, outer: Schema) -> Schema:
    both = [*inner.get(VALIDATIONS, ()), *outer.get(VALIDATIONS, ())]
    return inner | outer | ({VALIDATIONS: both} if both else {})


def _without(source: Schema, key: str) -> Schema:
    return {name: value for name, value in source.items() if name != key}


def _exclusive_bounds(node: Schema) -> None:
    """Kubernetes reads `exclusiveMinimum` as OpenAPI 3.0 does: a flag beside the bound."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in node:
            node[bound], node[exclusive] = node[exclusive], True
