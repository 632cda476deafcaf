"""Paths of fields: `spec.env[1].name` in an object, `spec.env[].name` in its schema.

A key of a map is in braces: `spec.nodeSelector{disk}`, `spec.nodeSelector{}`.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from triton_operator.api.crd.schema import Schema, children

ABSENT = object()
_STEP = re.compile(r"\[(\d+)\]|\{([^}]*)\}|([^.\[{]+)")


def schema_path(path: str) -> str:
    """Where the field's schema is."""
    return re.sub(r"\{[^}]*\}", "{}", re.sub(r"\[\d+\]", "[]", path))


def changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of the object with other values at some paths; ABSENT removes a field."""
    copy = deepcopy(document)
    for path, value in changes.items():
        *way, last = [
            int(index) if index else key or name for index, key, name in _STEP.findall(path)
        ]
        place: Any = copy
        for step in way:
            place = place[step]
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return copy


def places(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema at or below `schema`, with its path."""
    yield path, schema
    for suffix, child in children(schema):
        yield from places(child, (path + suffix).removeprefix("."))
