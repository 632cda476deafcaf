"""What has no place only because of where data may be processed: other clusters would have room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from triton_operator.fleet.allowance import Allowance
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.site import NOTHING, Site, replicas_for
from triton_operator.fleet.spilling import Spilling, Walk, remainder
from triton_operator.fleet.targets import Target, headroom_of


def kept_in(
    asked: Sequence[Target], found: Spilling, settings: PlacementSettings, allowance: Allowance
) -> dict[str, float]:
    """By cluster, how much of what is `unplaced` clusters outside of the zones would serve, if they
    were inside: in reference replicas, and only of what may leave its cluster.

    `allowance` is what maxima leave after all others had their parts, and is not changed. What is
    forbidden by these, or by taints, budgets and tiers, is no matter of zones.
    """
    outside = {
        one.site.name: _as_if_inside(one, settings) for one in asked if not one.site.is_allowed
    }
    left = dict.fromkeys((one.site.name for one in asked), 0.0)
    if not outside:
        return left
    for one in asked:
        rest = remainder(one.site, found)
        left[one.site.name] = rest.unplaced - rest.constrained
    if max(left.values()) <= NOTHING:
        return dict.fromkeys(left, 0.0)
    spared = allowance.copy()
    trial = Spilling(
        grants={name: {} for name in left},
        granted=dict.fromkeys(left, 0.0),
        replicas=dict.fromkeys(left, 0),
    )
    kept = {}
    for name, target in outside.items():
        # Its own clients' demand comes first.
        kept[name] = _at_home(target.site, left[name], spared, trial)
    walk = Walk(list(outside.values()), settings, spared, trial)
    for one in asked:
        name = one.site.name
        kept.setdefault(name, 0.0)
        walk.place(one.site, left[name] - kept[name])
        kept[name] += sum(trial.grants[name].values())
    return kept


def _as_if_inside(target: Target, settings: PlacementSettings) -> Target:
    """Nobody there has told a demand, as there is no work: it is taken for none."""
    facts = target.site.facts
    site = replace(
        target.site, is_allowed=True, is_known=True, capacity=facts.capacity * facts.speed
    )
    limit = site.capacity * settings.spill_at
    headroom, _ = headroom_of(site, limit, target.seconds, settings)
    return replace(target, site=site, limit=limit, headroom=headroom)


def _at_home(site: Site, load: float, spared: Allowance, trial: Spilling) -> float:
    """How much of its own demand it would serve; noted in the last two."""
    if site.is_drained or not site.facts.moves:
        return 0.0
    wanted = replicas_for(min(load, site.capacity), site.facts.speed)
    replicas = spared.take(site.facts.tier, wanted)
    trial.replicas[site.name] = replicas
    return min(load, replicas * site.facts.speed)
