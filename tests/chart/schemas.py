"""JSON schemas for kubeconform, made from what a running kube-apiserver publishes.

kubeconform's own schemas come from the internet and from whatever version somebody uploaded. Those
made here need no network, fit the pinned Kubernetes exactly, and know every CRD of that server.

They are strict: an object that names its fields has no others. The server publishes OpenAPI 3.0,
whose schema dialect is JSON Schema draft 4 (boolean exclusive bounds), kubeconform's default, with
few differences.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from e2e.harness import apirequest
from e2e.harness.controlplane import ControlPlane

LOCATION = "{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json"
"""Name of a schema's file, in the words of kubeconform's `-schema-location`."""

_PREFIX = "#/components/schemas/"
# Draft 4 words, and what OpenAPI adds without a meaning for validation stays out.
_PLAIN = (
    "type", "required", "enum", "pattern", "minLength", "maxLength", "minItems", "maxItems",
    "minProperties", "maxProperties", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "uniqueItems",
)  # fmt: skip
_LISTS = ("allOf", "anyOf", "oneOf")

Schema = dict[str, Any]


def write_schemas(control_plane: ControlPlane, folder: Path) -> str:
    """Write one file per kind that `control_plane` serves; the answer is for `-schema-location`.

    Raises AssertionError when the server does not publish its schemas.
    """
    definitions: dict[str, Schema] = {}
    for path in published(control_plane).values():
        definitions |= _get(control_plane, path).get("components", {}).get("schemas", {})
    for name, (group, version, kind) in _kinds(definitions):
        schema = {
            "$ref": f"#/definitions/{name}",
            "definitions": {one: strict(definitions[one]) for one in _reachable(name, definitions)},
        }
        (folder / file_name(group, version, kind)).write_text(json.dumps(schema))
    return str(folder / LOCATION)


def file_name(group: str, version: str, kind: str) -> str:
    """LOCATION filled in as kubeconform does it: the core group goes by the name of its version."""
    return f"{group or version}_{version}_{kind.lower()}.json"


def strict(schema: Schema) -> Schema:
    """`schema` in draft 4, closed: no field but those it names.

    Open stay maps (`additionalProperties`), objects without any named field, and those marked with
    `x-kubernetes-preserve-unknown-fields`.
    """
    closed: Schema = {word: schema[word] for word in _PLAIN if word in schema}
    if "$ref" in schema:
        closed["$ref"] = schema["$ref"].replace(_PREFIX, "#/definitions/")
    if "properties" in schema:
        closed["properties"] = {name: strict(one) for name, one in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            closed["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        closed["additionalProperties"] = strict(schema["additionalProperties"])
    if "items" in schema:
        closed["items"] = strict(schema["items"])
    if "not" in schema:
        closed["not"] = _junction(schema["not"])
    for word in _LISTS:
        if word in schema:
            closed[word] = [_junction(one) for one in schema[word]]
    if schema.get("x-kubernetes-int-or-string"):
        closed.pop("type", None)
        closed["type"] = ["integer", "string"]
    if schema.get("nullable"):
        return {"anyOf": [{"type": "null"}, closed]}
    return closed


def _junction(schema: Schema) -> Schema:
    # Inside allOf and its like a schema names only some fields: closed, it would refuse the others.
    closed = strict(schema)
    if "properties" in schema:
        closed.pop("additionalProperties", None)
    return closed


def published(control_plane: ControlPlane) -> dict[str, str]:
    """Group version (`apis/apps/v1`) → path of the document that describes its kinds."""
    index = _get(control_plane, "/openapi/v3")["paths"]
    return {
        path: entry["serverRelativeURL"]
        for path, entry in index.items()
        if path == "api/v1" or (path.startswith("apis/") and path.count("/") == 2)
    }


def _get(control_plane: ControlPlane, path: str) -> Schema:
    status, body = apirequest.get(control_plane.url + path, control_plane.tls)
    assert status == 200, f"GET {path}: {status} {body}"
    return dict(body)


def _kinds(definitions: dict[str, Schema]) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for name, schema in definitions.items():
        kinds = schema.get("x-kubernetes-group-version-kind", [])
        # Options such as DeleteOptions are listed under every group; nobody puts them into a file.
        if len(kinds) == 1:
            yield name, (kinds[0].get("group", ""), kinds[0]["version"], kinds[0]["kind"])


def _reachable(name: str, definitions: dict[str, Schema]) -> set[str]:
    found: set[str] = set()
    open_ends = [name]
    while open_ends:
        one = open_ends.pop()
        if one not in found:
            found.add(one)
            open_ends.extend(_references(definitions[one]))
    return found


def _references(node: object) -> Iterable[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(_PREFIX)
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
