"""Whether clusters' endpoints answer: from several probes, as one may be lost.

Where no endpoint says anything to a hub, it is the hub that hears nothing: its network or its DNS.
Such a round counts for no cluster, or every cluster's requests would go elsewhere at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

FAILURES = 3
"""In a row, after which it does not answer; one answer is enough for the contrary."""
TOGETHER = 2
"""So many that were not known to be silent before, and are silent at once, are no coincidence."""


class Probe(StrEnum):
    """What came of one probe."""

    ANSWERED = "Answered"
    FAILED = "Failed"
    """Something answered otherwise."""
    SILENT = "Silent"
    """Nothing came back, or there is no way there."""
    UNTRUSTED = "Untrusted"
    """Something answered, and this process cannot tell what: it does not know who has signed its
    certificate. That says nothing of what clients can do."""


@dataclass(frozen=True)
class DataPlane:
    """`answers` None: not known. `failures` in a row; `said`: of the last probe, for people.
    `unheard`: this was before the hub heard nothing from any endpoint."""

    answers: bool | None = None
    failures: int = 0
    said: str = ""
    unheard: bool = False


Round = Mapping[str, tuple[Probe, str]]
"""What came of one probe of each endpoint, with words, by clusters."""


def after_round(before: Mapping[str, DataPlane], found: Round) -> dict[str, DataPlane]:
    """What is known of each endpoint that was asked."""
    known = {name: before.get(name, DataPlane()) for name in found}
    expected = sum(one.answers is not False for one in known.values())
    if expected >= TOGETHER and all(probe is Probe.SILENT for probe, _ in found.values()):
        return {name: replace(one, unheard=True) for name, one in known.items()}
    return {name: _probed(known[name], *one) for name, one in found.items()}


def _probed(before: DataPlane, probe: Probe, said: str) -> DataPlane:
    match probe:
        case Probe.ANSWERED:
            return DataPlane(True, 0, said)
        case Probe.UNTRUSTED:
            return DataPlane(None, 0, said)
    failures = before.failures + 1
    return DataPlane(False if failures >= FAILURES else before.answers, failures, said)
