"""What a placement remembers from one time to the next: values only, to be written down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from triton_operator.api.fields import MOST_REPLICAS

Wanted = tuple[tuple[float, int], ...]
"""Rows of (time, floor that was wanted then)."""
Earlier = tuple[tuple[float, dict[str, int]], ...]
"""Rows of (time until when, weights that were published)."""


@dataclass(frozen=True)
class SiteMemory:
    """Of one cluster.

    `held`: its smoothed demand; None: it never told any. `last_spill`: what others served of it
    when it was last connected. `granted`: what it served of others. `floor`, `ceiling`, `weights`:
    as they were published last. `most_written`: the highest ceiling that was published and may be
    in force still. `loads`: which demand the weights stand for, by cluster.
    """

    held: float | None = None
    last_spill: float = 0.0
    granted: float = 0.0
    floor: int = 0
    ceiling: int = 0
    most_written: int = 0
    wanted: Wanted = ()
    weights: dict[str, int] = field(default_factory=dict)
    loads: dict[str, float] = field(default_factory=dict)
    earlier: Earlier = ()


@dataclass(frozen=True)
class PlacementMemory:
    """Of one service. `decided_at`: when it was last decided on; None: never."""

    decided_at: float | None = None
    sites: dict[str, SiteMemory] = field(default_factory=dict)

    def site(self, name: str) -> SiteMemory:
        """An empty one for a cluster that is new."""
        return self.sites.get(name, NEW)


NEW = SiteMemory()


def with_wanted(rows: Wanted, now: float, floor: int, window_seconds: float) -> Wanted:
    """The rows with one more, without those of before the window.

    Only those are kept that are the most from their time on, so there are few.
    """
    kept = tuple(row for row in rows if row[1] > floor and row[0] > now - window_seconds)
    return (*kept, (now, floor))


def most_wanted(rows: Wanted) -> int:
    """The highest floor in the rows."""
    return rows[0][1] if rows else 0


def with_earlier(
    before: SiteMemory, weights: Mapping[str, int], now: float, following_seconds: float
) -> Earlier:
    """The rows of a site whose weights are these from now on."""
    kept = tuple(row for row in before.earlier if row[0] > now - following_seconds)
    return kept if before.weights == weights else (*kept, (now, before.weights))


def after_restart(published: Mapping[str, SiteMemory], now: float) -> PlacementMemory:
    """The memory of a hub that knows only what it had published: nothing shrinks for a window, and
    clients may not have followed the weights yet."""
    return PlacementMemory(
        decided_at=None,
        sites={
            name: replace(site, wanted=((now, site.floor),), earlier=((now, {}),))
            for name, site in published.items()
        },
    )


def rescaled(memory: PlacementMemory, factors: Mapping[str, float]) -> PlacementMemory:
    """The memory in another reference: `factors` has how much more a replica of each cluster is
    worth in it than before."""
    return replace(
        memory,
        sites={name: _times(site, factors.get(name, 1.0)) for name, site in memory.sites.items()},
    )


def _times(site: SiteMemory, factor: float) -> SiteMemory:
    def times(load: float) -> float:
        return min(MOST_REPLICAS, load * factor)

    return replace(
        site,
        held=None if site.held is None else times(site.held),
        last_spill=times(site.last_spill),
        granted=times(site.granted),
        loads={name: times(load) for name, load in site.loads.items()},
    )


def smoothed(
    before: float | None, need: float | None, elapsed_seconds: float, smoothing_seconds: float
) -> float | None:
    """Demand that follows `need`; where nothing new is told it stays what it was, never zero."""
    if need is None:
        return before
    if before is None or smoothing_seconds <= 0:
        return need
    part = 1.0 - math.exp(-max(0.0, elapsed_seconds) / smoothing_seconds)
    return before + part * (need - before)
