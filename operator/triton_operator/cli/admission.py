"""What the API server would refuse, found without one, so that a file can be judged anywhere.

Types, bounds and patterns are judged by the models that the CustomResourceDefinitions are written
from; what models do not say (rules in CEL, rows that may not repeat) by the definitions.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import ValidationError

from triton_operator.api.crd.kinds import KINDS, Kind
from triton_operator.api.crd.resource import crd
from triton_operator.api.crd.schema import Schema
from triton_operator.cli.cel_rules import broken_rules
from triton_operator.cli.stored import Path, places, shown, with_defaults

Problem = tuple[Path, str]

_WORDS = {False: ("Off", "No", "False"), True: ("On", "Yes", "True")}
"""Words that are booleans in YAML unless they are quoted."""
INT64 = range(-(2**63), 2**63)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d([.,]\d+)?([Zz]|[+-]\d\d:\d\d)")


def refusals(kind: str, document: Mapping[str, Any]) -> list[str]:
    """All that is wrong, each as `KIND NAME: PATH: MESSAGE`; empty: the API server would take it.

    `document` is an object of this API's `kind`, of JSON's types only, with a name. What is the
    same for every kind of Kubernetes (labels, annotations) is not looked at.
    """
    described, schema = _described(kind)
    stored = as_stored(kind, document)
    problems = [*_unknown(schema, stored), *_against_models(described, stored)]
    problems += _against_schema(schema, stored, {path for path, _ in problems})
    problems += broken_rules(schema, stored, {path for path, _ in problems})
    where = f"{kind} {document['metadata']['name']}"
    return [": ".join([where, *filter(None, [shown(path)]), text]) for path, text in problems]


def as_stored(kind: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """The object as it is validated and kept: defaults filled in, no null, no status.

    The status of a new object is dropped unread, where it is a subresource.
    """
    described, schema = _described(kind)
    stored: dict[str, Any] = with_defaults(schema, document)
    if described.status is not None:
        stored.pop("status", None)
    return stored


@cache
def _described(kind: str) -> tuple[Kind, Schema]:
    described = next(row for row in KINDS if row.name == kind)
    schema: Schema = crd(described)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return described, schema


def _unknown(schema: Schema, stored: Mapping[str, Any]) -> Iterator[Problem]:
    for name in stored:
        if name not in schema["properties"]:
            yield (name,), "unknown field"


def _against_models(kind: Kind, stored: Mapping[str, Any]) -> Iterator[Problem]:
    if "spec" not in stored:
        yield ("spec",), "Field required"
        return
    try:
        # From JSON, strict mode takes what the API server takes: "8" is no 8, text can be an enum.
        kind.spec.model_validate_json(
            json.dumps(stored["spec"]), strict=True, extra="forbid", by_alias=True, by_name=False
        )
    except ValidationError as error:
        for row in error.errors(include_url=False):
            text = "unknown field" if row["type"] == "extra_forbidden" else row["msg"]
            yield ("spec", *row["loc"]), text + _unquoted(row["input"], text)


def _unquoted(value: Any, text: str) -> str:
    """What to do about a word that YAML 1.1, which kubectl reads too, takes for a boolean."""
    if not isinstance(value, bool):
        return ""
    word = next((word for word in _WORDS[value] if f"'{word}'" in text), _WORDS[value][0])
    return f'; this is the boolean {str(value).lower()}: write the word in quotes, "{word}"'


def _against_schema(
    schema: Schema, stored: Mapping[str, Any], wrong: Collection[Path]
) -> Iterator[Problem]:
    """What the models let pass: repeated rows, times that are none, more than 64 bits.

    `wrong` are the paths of values that have a problem already.
    """
    for path, place, value in places(schema, stored):
        if isinstance(value, list):
            for index, identity in _repeated(place, value):
                yield (*path, index), f"Duplicate value: {json.dumps(identity)}"
        elif isinstance(value, str) and place.get("format") == "date-time" and not _is_time(value):
            yield path, "must be a time such as 2026-11-20T10:00:00Z"
        elif isinstance(value, int) and value not in INT64 and path not in wrong:
            yield path, "must be an integer of at most 64 bits"


def _repeated(schema: Schema, rows: list[Any]) -> Iterator[tuple[int, Any]]:
    """Index and identity of each row that an earlier one makes impossible."""
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen: list[Any] = []
    for index, row in enumerate(rows):
        if schema.get("x-kubernetes-list-type") == "set":
            identity = row
        elif keys and isinstance(row, Mapping) and all(key in row for key in keys):
            identity = {key: row[key] for key in keys}
        else:
            continue
        if identity in seen:
            yield index, identity
        seen.append(identity)


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text[:19].upper())
    except ValueError:
        return False
    return _TIME.fullmatch(text) is not None
