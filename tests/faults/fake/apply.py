"""Server-side apply: who owns which field, as far as the operator's objects need it.

A field is a path: names of fields, and for a list that is a map, `(keys, values)` of the row.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from tests.faults.fake.answers import Refusal
from tests.faults.fake.history import Body, Fields

Path = tuple[Any, ...]
ROW_KEYS: dict[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "ownerReferences": ("uid",),
    "pools": ("name",),
}
"""Lists that are maps, by the field's name, and the keys of their rows; others are atomic."""
PORT_KEYS = {"Service": ("port", "protocol"), "Deployment": ("containerPort", "protocol")}
NOT_OWNED = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}
NOT_OWNED |= {("metadata", "uid"), ("metadata", "resourceVersion"), ("metadata",)}


def fields_of(body: Mapping[str, Any]) -> Fields:
    """Every field that a manifest sets."""
    return frozenset(
        path for path in _fields(body, (), str(body.get("kind"))) if path not in NOT_OWNED
    )


def apply(
    live: Body | None,
    manifest: Mapping[str, Any],
    owners: Mapping[str, Fields],
    manager: str,
    *,
    force: bool,
) -> tuple[Body, dict[str, Fields]]:
    """The object and the owners of its fields after an apply.

    Raises:
        Refusal: 409, where a field has another owner and another value.
    """
    applied = fields_of(manifest)
    after = dict(owners)
    kind = str(manifest.get("kind"))
    for other, owned in owners.items():
        if other == manager:
            continue
        contested = {path for path in applied & owned if _at(live, path) != _at(manifest, path)}
        if contested and not force:
            raise Refusal.conflict(
                f"Apply failed with {len(contested)} conflict: conflict with "
                f'"{other}": {sorted(map(str, contested))[0]}'
            )
        after[other] = owned - contested
    body = _merged(deepcopy(live) if live else {}, manifest, kind)
    for path in sorted(owners.get(manager, frozenset()) - applied, key=len, reverse=True):
        if not any(path in owned for other, owned in after.items() if other != manager):
            _drop(body, path)
    after[manager] = applied
    return body, {name: owned for name, owned in after.items() if owned}


def updated(
    live: Body | None, body: Body, owners: Mapping[str, Fields], manager: str
) -> dict[str, Fields]:
    """The owners after a write that is not an apply: what it changed is its manager's."""
    fields = fields_of(body)
    changed = frozenset(path for path in fields if _at(live, path) != _at(body, path))
    after = {name: (owned & fields) - changed for name, owned in owners.items()}
    after[manager] = after.get(manager, frozenset()) | changed
    return {name: owned for name, owned in after.items() if owned}


def _row_keys(path: Path, kind: str, value: Any) -> tuple[str, ...] | None:
    """The keys of a list that is a map; `hardware.pools` is a list of names."""
    if not path or not isinstance(path[-1], str) or not isinstance(value, list):
        return None
    if not all(isinstance(row, Mapping) for row in value):
        return None
    if path[-1] == "ports":
        return PORT_KEYS.get(kind)
    return ROW_KEYS.get(path[-1])


def _fields(value: Any, path: Path, kind: str) -> Iterator[Path]:
    keys = _row_keys(path, kind, value)
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _fields(part, (*path, name), kind)
    elif keys and value:
        for row in value:
            place = (*path, (keys, tuple(_key(row, key) for key in keys)))
            yield place
            yield from _fields(row, place, kind)
    else:
        yield path


def _key(row: Mapping[str, Any], key: str) -> Any:
    return row.get(key, "TCP" if key == "protocol" else None)


def _is_row(step: Any) -> bool:
    return isinstance(step, tuple)


def _find(rows: Any, step: tuple[tuple[str, ...], tuple[Any, ...]]) -> Any:
    keys, values = step
    for row in rows if isinstance(rows, list) else ():
        if tuple(_key(row, key) for key in keys) == values:
            return row
    return None


def _at(body: Any, path: Path) -> Any:
    """What is at a path; for a row its presence, since its fields have paths of their own."""
    for step in path:
        if _is_row(step):
            body = _find(body, step)
        else:
            body = body.get(step) if isinstance(body, Mapping) else None
    return body is not None if path and _is_row(path[-1]) else body


def _merged(live: Any, applied: Any, kind: str, path: Path = ()) -> Any:
    keys = _row_keys(path, kind, applied)
    if isinstance(applied, Mapping):
        merged = dict(live) if isinstance(live, Mapping) else {}
        for name, value in applied.items():
            merged[name] = _merged(merged.get(name), value, kind, (*path, name))
        return merged
    if keys:
        rows = list(live) if isinstance(live, list) else []
        for row in applied:
            step = (keys, tuple(_key(row, key) for key in keys))
            old = _find(rows, step)
            new = _merged(old, row, kind, (*path, step))
            if old is None:
                rows.append(new)
            else:
                rows[rows.index(old)] = new
        return rows
    return deepcopy(applied)


def _drop(body: Body, path: Path) -> None:
    """Take a field away, and the parents that are empty without it."""
    *way, last = path
    if way and _is_row(way[-1]) and last in way[-1][0]:
        return  # a row's key goes with the row
    parents: list[tuple[Any, Any]] = []
    place: Any = body
    for step in way:
        below = _find(place, step) if _is_row(step) else (place or {}).get(step)
        if below is None:
            return
        parents.append((place, step))
        place = below
    if _is_row(last):
        row = _find(place, last)
        # Whatever others put into a row keeps it.
        if row is not None and not set(row) - set(last[0]):
            place.remove(row)
    elif isinstance(place, dict):
        place.pop(last, None)
    for parent, step in reversed(parents):
        if place or _is_row(step):
            return
        parent.pop(step, None)
        place = parent
