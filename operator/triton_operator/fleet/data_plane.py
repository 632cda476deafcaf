"""Whether a cluster's endpoint answers: from several probes, as one may be lost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FAILURES = 3
"""In a row, after which it does not answer; one answer is enough for the contrary."""


class Probe(StrEnum):
    """What came of one probe."""

    ANSWERED = "Answered"
    FAILED = "Failed"
    UNTRUSTED = "Untrusted"
    """Something answered, and this process cannot tell what: it does not know who has signed its
    certificate. That says nothing of what clients can do."""


@dataclass(frozen=True)
class DataPlane:
    """`answers` None: not known. `failures` in a row; `said`: of the last probe, for people."""

    answers: bool | None = None
    failures: int = 0
    said: str = ""


def probed(before: DataPlane, probe: Probe, said: str) -> DataPlane:
    """After one more probe."""
    match probe:
        case Probe.ANSWERED:
            return DataPlane(True, 0, said)
        case Probe.UNTRUSTED:
            return DataPlane(None, 0, said)
        case Probe.FAILED:
            failures = before.failures + 1
            return DataPlane(False if failures >= FAILURES else before.answers, failures, said)
