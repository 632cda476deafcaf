"""What the API server would refuse in a schema, and what its users would miss, each with its path.

The real judge is the API server (`tests/api`). This list answers in milliseconds, and it also asks
for what the server does not: a description of every field, a merge rule for every list, and a bound
for everything. The server estimates the cost of a CEL rule for the largest value that the schema
allows, so one unbounded string below a rule can make it refuse the whole resource.
"""

from collections.abc import Iterator

from triton_operator.api.crd.schema import (
    EXTENSION,
    INT_OR_STRING,
    KEPT,
    VALIDATIONS,
    Schema,
    children,
)

SIZE_BOUND = {"string": "maxLength", "array": "maxItems"}
KNOWN = (*KEPT, "properties", "items", "additionalProperties", "anyOf")
LIST_TYPES = ("atomic", "set", "map")
INTEGER_OR_STRING = [{"type": "integer"}, {"type": "string"}]


def violations(schema: Schema, path: str) -> list[str]:
    """Every problem of `schema` and of what is below it, as `path: problem`."""
    found = [f"{path}: {problem}" for problem in _problems(schema)]
    for suffix, child in children(schema):
        found += violations(child, path + suffix)
        if suffix.startswith(".") and not child.get("description"):
            found.append(f"{path}{suffix}: has no description for `kubectl explain`")
    return found


def _problems(node: Schema) -> Iterator[str]:
    for key in node:
        if key not in KNOWN and not key.startswith(EXTENSION):
            yield f"{key} is not part of a structural schema"
    for bound in ("exclusiveMinimum", "exclusiveMaximum"):
        if not isinstance(node.get(bound, False), bool):
            yield f"{bound} must be a flag beside the bound"
    if node.get("nullable") or None in node.get("enum", ()):
        yield "null is not a value of this API"
    yield from _type_problems(node)
    yield from _default_problems(node)
    for rule in node.get(VALIDATIONS, ()):
        if not rule.get("rule") or not rule.get("message"):
            yield "a rule needs its expression and a message that says what to write instead"


def _type_problems(node: Schema) -> Iterator[str]:
    kind = node.get("type")
    if node.get(INT_OR_STRING):
        if kind is not None or node.get("anyOf") != INTEGER_OR_STRING:
            yield "an int-or-string has no type, and exactly these alternatives"
        kind = "string"
    elif "anyOf" in node:
        yield "alternatives are for an int-or-string only"
    elif kind not in ("object", "array", "string", "integer", "boolean"):
        yield f"type {kind} is not allowed"
    if kind == "object":
        yield from _object_problems(node)
    elif kind == "array":
        yield from _list_problems(node)
    if kind in SIZE_BOUND and SIZE_BOUND[kind] not in node and "enum" not in node:
        yield f"has no {SIZE_BOUND[kind]}: the cost of rules is estimated from it"


def _object_problems(node: Schema) -> Iterator[str]:
    if node.get("maxProperties") == 0:
        return
    if ("properties" in node) == ("additionalProperties" in node):
        yield "an object has either named fields or free keys"
    elif "properties" in node:
        for name in node.get("required", ()):
            if name not in node["properties"]:
                yield f"requires {name}, which it does not have"
    elif "maxProperties" not in node:
        yield "has no maxProperties: the cost of rules is estimated from it"


def _list_problems(node: Schema) -> Iterator[str]:
    if "items" not in node:
        yield "a list needs items"
        return
    merge = node.get("x-kubernetes-list-type")
    if merge not in LIST_TYPES:
        yield "says not how it merges: x-kubernetes-list-type"
    keys = node.get("x-kubernetes-list-map-keys", ())
    if (merge == "map") != bool(keys):
        yield "a list has keys exactly if it merges as a map"
    for key in keys:
        field = node["items"].get("properties", {}).get(key)
        if field is None or field.get("type") not in ("string", "integer", "boolean"):
            yield f"its key {key} is not a simple field of its items"
        elif key not in node["items"].get("required", ()) and "default" not in field:
            yield f"its key {key} must be required or have a default"


def _default_problems(node: Schema) -> Iterator[str]:
    if "default" not in node:
        return
    default = node["default"]
    python_type = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    wanted = python_type.get(node.get("type", ""), (int, str))
    if not isinstance(default, wanted) or default not in node.get("enum", (default,)):
        yield f"its own default {default!r} is not allowed"
    elif isinstance(default, dict) and set(node.get("required", ())) - set(default):
        yield "its default lacks a required field"
