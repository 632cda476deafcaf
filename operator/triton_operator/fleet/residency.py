"""What has no place only because of where data may be processed: other clusters would have room."""

from __future__ import annotations

from collections.abc import Sequence

from triton_operator.fleet.allowance import Allowance
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.site import NOTHING, Site
from triton_operator.fleet.spilling import Spilling, remainder
from triton_operator.fleet.targets import Target, keeps_budget


def kept_in(
    asked: Sequence[Target], found: Spilling, settings: PlacementSettings, allowance: Allowance
) -> dict[str, float]:
    """By cluster, how much of what is `unplaced` clusters outside of the zones could serve, in
    reference replicas: what may leave its cluster, after all others had their parts.

    `allowance` is what maxima leave then, and is not changed: what they forbid is no matter of
    zones.
    """
    room = {one.site.name: _room(one, settings, allowance) for one in asked}
    kept: dict[str, float] = {}
    for origin in asked:
        rest = remainder(origin.site, found)
        left = rest.unplaced - rest.constrained
        kept[origin.site.name] = 0.0
        for target in asked:
            if left <= NOTHING:
                break
            if room[target.site.name] <= NOTHING or not _would(origin.site, target, settings):
                continue
            take = min(left, room[target.site.name])
            room[target.site.name] -= take
            kept[origin.site.name] += take
            left -= take
    return kept


def _would(origin: Site, target: Target, settings: PlacementSettings) -> bool:
    if target.site is origin:
        return True
    return target.site.facts.place >= origin.facts.place and keeps_budget(origin, target, settings)


def _room(target: Target, settings: PlacementSettings, allowance: Allowance) -> float:
    """Of a cluster outside of the zones, if it were inside: its own clients' come first."""
    site = target.site
    if site.is_allowed or site.is_drained or not site.facts.moves:
        return 0.0
    replicas = min(site.facts.capacity, allowance.room(site.facts.tier))
    return replicas * site.facts.speed * settings.spill_at
