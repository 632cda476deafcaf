"""Who decides: ours, the naive one, and ours without one of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from triton_operator.api.enums import Failover
from triton_operator.fleet.connection import Heartbeat
from triton_operator.fleet.placement_settings import PlacementSettings

OURS, NAIVE, ALONE = "ours", "naive", "alone"
BUDGET_SECONDS = 0.25
ENDLESS = 10_000


@dataclass(frozen=True)
class Policy:
    """`place` with settings, on states of connections by `heartbeat`.

    `eager`: requests follow the plan at once, whether anything is ready there or not.
    `alone`: nobody reads what is decided.
    """

    text: str
    settings: PlacementSettings
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    eager: bool = False
    alone: bool = False


_OURS = PlacementSettings(budget_seconds=BUDGET_SECONDS)
_AT_ONCE = Heartbeat(suspect_after_seconds=22.5, lost_after_seconds=22.5, recover_for_seconds=0.0)
_NAIVE = replace(
    _OURS,
    rising_seconds=0.0,
    smoothing_seconds=0.0,
    window_seconds=0.0,
    deadband=0.0,
    stickiness=0.0,
    spill_at=1.0,
    edge=Failover.REPLACE,
    max_surge=ENDLESS,
)

POLICIES: Mapping[str, Policy] = {
    OURS: Policy("the defaults", _OURS),
    NAIVE: Policy(
        "no window, no smoothing, no deadband, spills when full, one missed heartbeat is a loss "
        "and one that comes a return, requests follow at once",
        _NAIVE,
        _AT_ONCE,
        eager=True,
    ),
    ALONE: Policy("every cluster by itself", _OURS, alone=True),
}
PARTS: Mapping[str, Policy] = {
    "no window": Policy("", replace(_OURS, window_seconds=0.0)),
    "window 300 s": Policy("", replace(_OURS, window_seconds=300.0)),
    "window 1800 s": Policy("", replace(_OURS, window_seconds=1800.0)),
    "no smoothing": Policy("", replace(_OURS, rising_seconds=0.0, smoothing_seconds=0.0)),
    "growth in 30 s": Policy("", replace(_OURS, rising_seconds=30.0)),
    "growth in 120 s": Policy("", replace(_OURS, rising_seconds=120.0)),
    "both in 300 s": Policy("", replace(_OURS, rising_seconds=300.0, smoothing_seconds=300.0)),
    "no deadband": Policy("", replace(_OURS, deadband=0.0)),
    "spill at 70 %": Policy("", replace(_OURS, spill_at=0.7)),
    "spill at 100 %": Policy("", replace(_OURS, spill_at=1.0)),
    "edges replaced": Policy("", replace(_OURS, edge=Failover.REPLACE)),
    "edges released": Policy("", replace(_OURS, edge=Failover.RELEASE)),
    "one heartbeat": Policy("", _OURS, _AT_ONCE),
    "eager requests": Policy("", _OURS, eager=True),
}
"""What each part is good for."""
