"""What becomes of a cluster's labels after a look at its ClusterProfile, and ProfileRead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triton_operator.api.conditions import (
    ConditionStatus,
    Finding,
    finding,
    known_conditions,
)
from triton_operator.api.inference_cluster import ClusterProfileReference
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.cluster_labels import HEALTH, ProfileReading, noted_labels


@dataclass(frozen=True)
class ProfileLook:
    """One look. `reading` None: nothing was read, for `reason`, in words `why`."""

    reading: ProfileReading | None
    reason: str = ""
    why: str = ""


def read_labels(
    profile: ClusterProfileReference, look: ProfileLook | None, before: Mapping[str, Any]
) -> tuple[dict[str, str], Finding | None]:
    """The labels to note, and the condition. `look` None: nobody has looked yet, so everything is
    as the status says."""
    noted = noted_labels(before, profile.labels)
    if look is None:
        return noted, _told(before)
    name = f"ClusterProfile {profile.namespace}/{profile.name}"
    reading = look.reading
    if reading is None:
        said = f"{name} {look.why}{_stay(noted)}"
        return noted, finding(reasons.PROFILE_READ, ConditionStatus.FALSE, look.reason, said)
    kept = {key: noted[key] for key in reading.unsaid if key in noted}
    taken = {**reading.taken, **kept}
    if reading.refused:
        refused = "; ".join(f"{key} {why}" for key, why in sorted(reading.refused.items()))
        return taken, finding(
            reasons.PROFILE_READ,
            ConditionStatus.FALSE,
            reasons.LABELS_REFUSED,
            f"not taken from {name}: {refused}",
        )
    if reading.unsaid:
        said = f"{name} has no status.properties yet, and no label {', '.join(reading.unsaid)}"
        return taken, finding(
            reasons.PROFILE_READ, ConditionStatus.FALSE, reasons.PROFILE_EMPTY, said + _stay(kept)
        )
    health = f", and says {HEALTH}={reading.health}, which moves nothing" if reading.health else ""
    return taken, finding(
        reasons.PROFILE_READ,
        ConditionStatus.TRUE,
        reasons.LABELS_TAKEN,
        f"{name} gives {len(reading.taken)} labels{health}",
    )


def _stay(noted: Mapping[str, str]) -> str:
    return f"; labels stay as they were last read: {', '.join(sorted(noted))}" if noted else ""


def _told(before: Mapping[str, Any]) -> Finding | None:
    return next(
        (
            finding(one.type, one.status, one.reason, one.message)
            for one in known_conditions(before)
            if one.type == reasons.PROFILE_READ
        ),
        None,
    )
