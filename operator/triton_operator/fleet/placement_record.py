"""One placement with everything that it was made from: a line of a log, to be decided on again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement import Placed, SitePlacement, place
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.planning.plain_values import UnreadableValue, encoded, parsed, reading

VERSION = 1
TOLERANCE = 1e-3
"""Of loads: processors differ in the last bits, and percents are rounded down from them."""


class UnreadablePlacement(ValueError):
    """A line of a log is no record of a placement; the text names the line and the field."""


@dataclass(frozen=True)
class PlacementRecord:
    """What went into `place(facts, settings, memory, now)`, and what came out."""

    id: str
    now: float
    facts: tuple[ClusterFacts, ...]
    settings: PlacementSettings
    memory: PlacementMemory
    placed: Placed

    def line(self) -> str:
        """As one line of JSON."""
        return encoded(
            {
                "version": VERSION,
                "id": self.id,
                "now": self.now,
                "facts": self.facts,
                "settings": self.settings,
                "memory": self.memory,
                "placed": self.placed,
            }
        )

    def differences(self) -> list[str]:
        """What is decided otherwise today on the same facts, a sentence each; empty: nothing."""
        _, again = place(self.facts, self.settings, self.memory, self.now)
        names = [*self.placed.sites, *(again.sites.keys() - self.placed.sites.keys())]
        return [
            f"cluster {name}: {words}"
            for name in names
            for words in _differences(self.placed.sites.get(name), again.sites.get(name))
        ]


def placement_in(text: str, number: int) -> PlacementRecord:
    """The record in line `number` of a log.

    Raises:
        UnreadablePlacement: it is none, or of another version.
    """
    try:
        values = parsed(text)
        if not isinstance(values, dict) or "version" not in values:
            raise UnreadableValue("no record of a placement: it has no version")
        version = values.pop("version")
        if version != VERSION:
            raise UnreadableValue(f"version: {VERSION} is wanted, not {str(version)[:60]}")
        return reading(PlacementRecord, values, "")
    except ValueError as error:
        # Unreadable values and absurd facts alike.
        raise UnreadablePlacement(f"line {number}: {error}") from error


def _differences(then: SitePlacement | None, now: SitePlacement | None) -> Iterator[str]:
    if then is None or now is None:
        yield "is in one of the two only"
        return
    for name, before, after in _told(then, now):
        if before != after:
            yield f"{name}: {before} then, {after} now"
    for target in sorted(then.granted.keys() | now.granted.keys()):
        one, other = then.granted.get(target, 0.0), now.granted.get(target, 0.0)
        if not math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"granted by {target}: {one:g} then, {other:g} now"


def _told(then: SitePlacement, now: SitePlacement) -> list[tuple[str, int | str, int | str]]:
    return [
        ("floor", then.floor, now.floor),
        ("ceiling", then.ceiling, now.ceiling),
        ("weights", _words(then.weights), _words(now.weights)),
        ("reasons", _kinds(then), _kinds(now)),
    ]


def _words(weights: dict[str, int]) -> str:
    return ", ".join(f"{name} {share} %" for name, share in weights.items()) or "none"


def _kinds(placement: SitePlacement) -> str:
    return ", ".join(one.why for one in placement.reasons) or "none"
