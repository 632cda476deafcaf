"""Why one variant of a service is served and no other: a kind and its numbers, and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class VariantWhy(StrEnum):
    """What decided, or what keeps a decision from being made."""

    AS_SPECIFIED = "AsSpecified"
    OBJECTIVE_MISSED = "ObjectiveMissed"
    ROOM_FOR_BETTER = "RoomForBetter"
    LINK_LOST = "LinkLost"
    LINK_BACK = "LinkBack"
    VARIANT_REMOVED = "VariantRemoved"

    NONE_FITS = "NoneFits"
    DWELLING = "Dwelling"
    CANNOT_BE_SERVED = "CannotBeServed"


SENTENCES: Mapping[VariantWhy, str] = {
    VariantWhy.AS_SPECIFIED: "spec.model is what the spec asks for first",
    VariantWhy.OBJECTIVE_MISSED: "{before} missed the objective of {objective:.0f} ms for "
    "{windows:.0f} minutes; {after} is predicted to take {predicted:.0f} ms at this load, and up "
    "to {limit:.0f} ms is allowed",
    VariantWhy.ROOM_FOR_BETTER: "{after} is more accurate, and predicted to take {predicted:.0f} "
    "ms at this load: up to {limit:.0f} ms is allowed, {passed:.0f} s after the last change",
    VariantWhy.LINK_LOST: "the hub has not answered for {silent:.0f} s: spec.offline names {after}",
    VariantWhy.LINK_BACK: "no cut link asks for a fallback any more",
    VariantWhy.VARIANT_REMOVED: "spec.variants has no {before} any more",
    VariantWhy.NONE_FITS: "the objective of {objective:.0f} ms is missed, and no less accurate "
    "variant is predicted to take up to {limit:.0f} ms",
    VariantWhy.DWELLING: "{after} would do, once {left:.0f} s have passed",
    VariantWhy.CANNOT_BE_SERVED: "{after} is wanted, but cannot be served: see status.variants",
}


@dataclass(frozen=True)
class VariantReason:
    """`names` and `numbers` are those of its sentence; times in seconds, latencies in ms."""

    why: VariantWhy
    names: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """For people."""
        return SENTENCES[self.why].format(**self.names, **self.numbers)


def because(why: VariantWhy, names: Mapping[str, str], **numbers: float) -> VariantReason:
    """A reason with its numbers.

    Raises:
        KeyError: its sentence has a name or a number that is missing.
    """
    made = VariantReason(why, dict(names), numbers)
    made.sentence  # noqa: B018 - what is missing is an error here, not when somebody reads it
    return made
