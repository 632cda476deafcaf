"""Why a cluster gets what it gets: a kind and its numbers, and one sentence from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Why(StrEnum):
    """What decided."""

    FITS = "Fits"
    SPILLS = "Spills"
    NO_ROOM = "NoRoom"
    INVERTED = "Inverted"
    TAKES = "Takes"
    HOLDS = "Holds"
    FROZEN = "Frozen"
    REPLACED = "Replaced"
    RELEASED = "Released"
    SURGE_LIMITED = "SurgeLimited"
    DEMAND_UNKNOWN = "DemandUnknown"
    OUTSIDE_ZONES = "OutsideZones"
    DRAINED = "Drained"
    NOTHING_NEW = "NothingNew"
    OVER_BUDGET = "OverBudget"
    LATENCY_UNKNOWN = "LatencyUnknown"
    FLOOR_KEPT = "FloorKept"
    NOT_READY = "NotReady"
    DATA_PLANE_DOWN = "DataPlaneDown"
    FLEET_MAXIMUM = "FleetMaximum"
    CAPACITY_EXCEEDED = "CapacityExceeded"
    RESIDENCY_CONSTRAINED = "ResidencyConstrained"


_SENTENCES = {
    Why.FITS: "serves its own demand of {need:.2f} replicas: up to {limit:.2f} stay",
    Why.SPILLS: "{spill:.2f} of {need:.2f} replicas go to others: up to {limit:.2f} stay",
    Why.NO_ROOM: "{left:.2f} replicas more than the {limit:.2f} that should stay found no place "
    "elsewhere",
    Why.INVERTED: "up to {limit:.2f} replicas stay instead of {capacity:.2f}: with more its queue "
    "is slower than {other}, which takes {seconds:.3f} s with the way there",
    Why.TAKES: "takes {granted:.2f} replicas' worth of others' demand",
    Why.HOLDS: "is {state}: keeps what it has, and gets nothing new",
    Why.FROZEN: "is lost: {spill:.2f} replicas' worth of its demand stay elsewhere, as they were",
    Why.REPLACED: "is lost: {spill:.2f} replicas' worth of its demand, all that may leave, go to "
    "others",
    Why.RELEASED: "is lost: nothing of its demand is served elsewhere",
    Why.SURGE_LIMITED: "{left:.2f} replicas' worth more would go to others, but failover.maxSurge "
    "is {surge:.0f}, or they have no room",
    Why.DEMAND_UNKNOWN: "has not told its demand yet",
    Why.OUTSIDE_ZONES: "is in none of the zones where data may be processed",
    Why.DRAINED: "has the taint NoSelect: all that may leave goes to others",
    Why.NOTHING_NEW: "has the taint NoSelectIfNew, and no part of this service",
    Why.OVER_BUDGET: "would answer in {seconds:.3f} s with the way there: over the budget of "
    "{budget:.3f} s",
    Why.LATENCY_UNKNOWN: "gets nothing of others: its latency or the way there is not known, and "
    "there is a budget",
    Why.FLOOR_KEPT: "keeps a floor of {floor:.0f}: {wanted:.0f} would do, but {most:.0f} were "
    "wanted in the last {window:.0f} s",
    Why.NOT_READY: "sends {sent:.2f} of {granted:.2f} replicas' worth to others: no more is ready "
    "there",
    Why.DATA_PLANE_DOWN: "its endpoint does not answer: gets no requests of others",
    Why.FLEET_MAXIMUM: "would use {wanted:.0f} replicas, but placement.replicas.max or its tier's "
    "leaves {ceiling:.0f}",
    Why.CAPACITY_EXCEEDED: "{unplaced:.2f} replicas' worth of its demand has no place in the fleet",
    Why.RESIDENCY_CONSTRAINED: "{unplaced:.2f} replicas' worth of its demand must not leave its "
    "cluster or its zones, and has no place there",
}


@dataclass(frozen=True)
class Reason:
    """One part of a decision; `numbers` and `words` are those of its sentence, in plain units."""

    why: Why
    numbers: dict[str, float] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """For people."""
        return _SENTENCES[self.why].format(**self.numbers, **self.words)


def reason(why: Why, words: dict[str, str] | None = None, **numbers: float) -> Reason:
    """A reason with its numbers.

    Raises:
        KeyError: a number or a word of its sentence is missing.
    """
    rounded = {name: round(float(value), 4) for name, value in numbers.items()}
    made = Reason(why, rounded, words or {})
    made.sentence  # noqa: B018 - a missing number is an error here, not when somebody reads it
    return made
