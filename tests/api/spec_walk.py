"""A walk through specs: every step changes one field, or one section, to a value that was drawn.

    for step in walk(seed): ...

The fields come from the schema of the API, so a new one is on the way on the day it is written.
They are dealt out over `PARTS` walks; `seed % PARTS` says which part a walk has.
"""

import copy
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.api import model_facts
from tests.api.drawn_specs import drawn_specs
from tests.api.grounds import OF_A_FLEET, Spec, grounded, is_planned
from triton_operator.api.crd.schema import Schema, structural
from triton_operator.api.group import API_VERSION
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.cli.admission import as_stored, refusals

PARTS = 3
DRAWN_AT_ONCE = 80
LEAST_DONORS = 3
"""Drawing goes on until every field is in so many specs for which there is a plan."""
MOST_ROUNDS = 20
SMALLEST: Spec = {"model": {"uri": model_facts.URI, "digest": model_facts.digest(1)}}
ITEM = "[]"
PAUSED = ("paused",)
ANEW = "deleted and created anew"
DETOURS: dict[str, Spec] = {
    "a pool that nobody made": {**SMALLEST, "hardware": {"pools": ["missing"]}},
    "a model that nobody knows": {"model": {"uri": "https://models.example.com/unknown.onnx"}},
    "paused, with other wishes": {**SMALLEST, "paused": True, "batching": {"maxBatchSize": 4}},
}
"""Specs in whose wake something goes on serving that a fresh apply would not start."""
Path = tuple[str, ...]


class Kind(StrEnum):
    """What becomes of a spec."""

    SERVES = "serves"
    IDLE = "has no effect on what serves: no plan, or paused"
    REFUSED = "is refused by the API server"


@dataclass(frozen=True)
class Step:
    """`spec` is put; `path` is the field that made it go there, `how` what was changed for it."""

    kind: Kind
    spec: Spec
    path: Path
    how: str

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} ({self.how}): {self.kind}\n  {json.dumps(self.spec)}"


def fields() -> tuple[Path, ...]:
    """Every field of a spec that has no fields itself; `[]` stands for any item of a list.

    Not those of a fleet's service: no step leads from one to the other.
    """
    found = _leaves(structural(InferenceServiceSpec), ())
    return tuple(sorted(path for path in found if path[0] not in OF_A_FLEET))


def walk(seed: int) -> Iterator[Step]:
    """Steps from the smallest spec; each that serves is the place from which the next one goes."""
    chance = random.Random(seed)
    part = list(fields()[seed % PARTS :: PARTS])
    chance.shuffle(part)
    donors = _donors(seed, part, chance)
    detours = dict(zip(chance.sample(part, len(DETOURS)), DETOURS, strict=True))
    here = SMALLEST
    touched: set[Path] = set()
    for path in part:
        if path in detours:
            yield Step(Kind.IDLE, DETOURS[detours[path]], path, detours[path])
        if path == part[len(part) // 2]:
            yield Step(Kind.SERVES, here, path, ANEW)
        if path in touched:
            continue
        before = here
        for step in _towards(path, here, _donor(path, here, donors, chance)):
            yield step
            if step.kind is Kind.SERVES:
                here = step.spec
        touched |= _changed(before, here)
        if here is not before and chance.random() < 0.3:  # A, B, A
            yield Step(Kind.SERVES, before, path, "back")
            here = before


def reached(steps: Sequence[Step]) -> set[Path]:
    """The fields whose values change on a walk in specs that serve, and the pause."""
    here, found = SMALLEST, set[Path]()
    for step in steps:
        if step.kind is Kind.SERVES:
            found |= _changed(here, step.spec)
            here = step.spec
        elif step.path == PAUSED:
            found.add(PAUSED)
    return found


def _donors(seed: int, part: Sequence[Path], chance: random.Random) -> Sequence[Spec]:
    """Drawn specs with a plan, among them some with each field of this part."""
    found: list[Spec] = []
    for round_ in range(MOST_ROUNDS):
        drawn = drawn_specs(seed + (round_ << 32), DRAWN_AT_ONCE)
        found += [one for spec in drawn if is_planned(one := grounded(spec, chance))]
        if all(sum(bool(_values(one, path)) for one in found) >= LEAST_DONORS for path in part):
            return found
    raise AssertionError(f"some field is in hardly any of {len(found)} drawn specs")


def _towards(path: Path, here: Spec, donor: Spec) -> Iterator[Step]:
    """The field alone; where that does not serve, its section; else all of the donor."""
    whole = {name: section for name, section in donor.items() if name != PAUSED[0]}
    if path == PAUSED:
        yield Step(Kind.IDLE, {**whole, "paused": True}, path, "with all of another spec")
        return
    ways = {
        "alone": _grafted(here, donor, _object(path)),
        "its section": _grafted(here, donor, path[:1]),
        "all of another spec": whole,
    }
    for how, spec in ways.items():
        kind = _kind(spec)
        yield Step(kind, spec, path, how)
        if kind is Kind.SERVES:
            return


def _donor(path: Path, here: Spec, donors: Sequence[Spec], chance: random.Random) -> Spec:
    """Any that has this field; one that says something else of it than `here`, if there is one."""
    found = [one for one in donors if _values(one, path)]
    known = _values(_stored(here), path)
    return chance.choice([one for one in found if _values(one, path) != known] or found)


def _kind(spec: Spec) -> Kind:
    if refusals("InferenceService", document(spec)):
        return Kind.REFUSED
    return Kind.SERVES if _serves(spec) else Kind.IDLE


def _serves(spec: Spec) -> bool:
    return is_planned(spec) and not spec.get("paused", False)


def document(spec: Spec, name: str = "way") -> dict[str, Any]:
    """The object that has this spec."""
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {"name": name},
        "spec": spec,
    }


def _stored(spec: Spec) -> Spec:
    stored: Spec = as_stored("InferenceService", document(spec))["spec"]
    return stored


def _changed(one: Spec, other: Spec) -> set[Path]:
    before, after = _stored(one), _stored(other)
    return {path for path in fields() if _values(before, path) != _values(after, path)}


def _leaves(schema: Schema, path: Path) -> Iterator[Path]:
    if "properties" in schema:
        for name, field in schema["properties"].items():
            yield from _leaves(field, (*path, name))
    elif schema.get("type") == "array":
        yield from _leaves(schema["items"], (*path, ITEM))
    else:
        yield path


def _values(value: Any, path: Path) -> list[Any]:
    """What is at the path: several values behind a list, none where something is absent."""
    if not path:
        return [value]
    if path[0] == ITEM:
        return [found for item in value for found in _values(item, path[1:])]
    return _values(value[path[0]], path[1:]) if path[0] in value else []


def _object(path: Path) -> Path:
    """The path up to its first list: lists are taken over whole."""
    return path[: path.index(ITEM)] if ITEM in path else path


def _grafted(spec: Spec, donor: Spec, path: Path) -> Spec:
    """`spec` with the donor's value at this path, or without one if the donor has none."""
    grafted = copy.deepcopy(spec)
    into, source = grafted, donor
    for name in path[:-1]:
        into, source = into.setdefault(name, {}), source.get(name, {})
    into.pop(path[-1], None)
    if path[-1] in source:
        into[path[-1]] = copy.deepcopy(source[path[-1]])
    return grafted
