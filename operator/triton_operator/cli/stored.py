"""An object as the API server would keep it, and the way through it beside its schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from triton_operator.api.crd.schema import Schema

Path = tuple[str | int, ...]
"""Where a value is: names of fields, keys of maps, indices of lists."""


def shown(path: Path) -> str:
    """The path as the API server writes it, such as `spec.runtime.env[1].name`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]


def with_defaults(schema: Schema, value: Any) -> Any:
    """A copy without the fields that are null, and with the defaults of those that are absent.

    The API server does both before anything is validated: a rule never sees an absent field that
    has a default. Fields that the schema does not know are kept as they are.
    """
    if isinstance(value, list):
        return [with_defaults(schema.get("items", {}), item) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = {
        name: field
        for name, field in value.items()
        if field is not None or _below(schema, name) is None
    }
    for name, child in schema.get("properties", {}).items():
        if "default" in child:
            found.setdefault(name, child["default"])
    return {name: with_defaults(_below(schema, name) or {}, field) for name, field in found.items()}


def places(schema: Schema, value: Any, path: Path = ()) -> Iterator[tuple[Path, Schema, Any]]:
    """Every value that the schema knows, at or below `value`, with its path and its schema."""
    yield path, schema, value
    if isinstance(value, Mapping):
        for name, field in value.items():
            if (child := _below(schema, name)) is not None:
                yield from places(child, field, (*path, name))
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from places(schema["items"], item, (*path, index))


def _below(schema: Schema, name: str) -> Schema | None:
    child: Schema | None = schema.get("properties", {}).get(name)
    return child if child is not None else schema.get("additionalProperties")
