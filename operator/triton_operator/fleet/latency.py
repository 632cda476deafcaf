"""How fast a cluster is at the load that is planned for it, and where its own queue is too long."""

from __future__ import annotations

from collections.abc import Sequence

from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.planning.predicted_latency import predicted_seconds

LEAST_KEPT = 0.5
"""Of the capacity: below, queues are short. What differs then is the hardware, and who prefers an
edge has chosen its hardware."""
_HALVINGS = 6
"""To 0.6 % of the capacity; the latency is known on steps of 2 %."""


def planned_seconds(facts: ClusterFacts, settings: PlacementSettings) -> float | None:
    """The percentile of latency at the highest load that is planned; None: nothing tells.

    Not at the load of now, which follows from what is decided here: latency would chase itself.
    """
    return _seconds_at(facts, settings.spill_at, settings.percentile)


def expected_seconds(
    facts: Sequence[ClusterFacts], planned: Sequence[float | None]
) -> list[float | None]:
    """Latency in each cluster, from its `planned_seconds`; None where no cluster tells anything.

    One that tells nothing, as a cluster without requests does, is taken to be as slow as the
    slowest whose curve is known, or else that tells its latency.
    """
    by_curve = [
        seconds
        for one, seconds in zip(facts, planned, strict=True)
        if seconds is not None and one.curve is not None and one.safe_rate is not None
    ]
    # What was measured may be of a queue that is too long, just where help is needed.
    told = by_curve or [seconds for seconds in planned if seconds is not None]
    slowest = max(told, default=None)
    return [slowest if seconds is None else seconds for seconds in planned]


def kept_share(
    facts: ClusterFacts, elsewhere_seconds: float, settings: PlacementSettings
) -> float | None:
    """The part of the capacity up to which requests are faster here than elsewhere, within a half
    and `spill_at`; None: they are up to `spill_at`, or nobody knows.

    `elsewhere_seconds` includes the way. Latency grows with the load, so this is where they cross.
    """
    if facts.curve is None or facts.safe_rate is None:
        return None
    patience = (1.0 + settings.inversion_margin) * elsewhere_seconds
    if _is_within(facts, settings.spill_at, settings.percentile, patience):
        return None
    low, high = min(LEAST_KEPT, settings.spill_at), settings.spill_at
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _is_within(facts, middle, settings.percentile, patience):
            low = middle
        else:
            high = middle
    return low


def _is_within(facts: ClusterFacts, share: float, percentile: float, seconds: float) -> bool:
    found = _seconds_at(facts, share, percentile)
    return found is None or found <= seconds


def _seconds_at(facts: ClusterFacts, share: float, percentile: float) -> float | None:
    if facts.curve is None or facts.safe_rate is None:
        return facts.p95_seconds
    found = predicted_seconds(facts.curve, share * facts.safe_rate, percentile)
    return facts.p95_seconds if found is None else found
