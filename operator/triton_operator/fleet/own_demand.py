"""Whose requests reach a cluster: what it is told of demand, taken apart.

A cluster counts the requests that reach it: of its own clients those that were not sent elsewhere,
and of other clusters' clients those that were sent to it. Placing needs what each cluster's own
clients ask for, wherever they are served. Nobody counts that, as whoever sends a request is not
told apart. But what one cluster's clients send elsewhere arrives elsewhere, so

    own = arriving + sent away - sent here,   sent away = share * own   where all follow their list

and no more was sent to a cluster than reaches it. That bound also holds where clients follow their
list in part or not at all. `docs/fleet.md` has the formulas in words.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement_memory import PlacementMemory, SiteMemory
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.site import NOTHING

FOLLOWING_SECONDS = 150.0
"""From a decision until what is told of arrivals is by its weights: the agent reads them within
15 s, a kubelet brings the list into pods within a minute and a half, and arrivals are counted over
most of another minute."""
LEAST_KEPT = 0.2
"""Share below which what is kept says little of all: an error is multiplied by its inverse."""
PASSES = 2
"""A cluster may send and be sent to; what it was sent is known after the first pass."""


@dataclass(frozen=True)
class Shares:
    """Parts of a cluster's demand that leave for each other one, 0 to 1, within a time: the least
    and the most of each, and of all together."""

    least: dict[str, float]
    most: dict[str, float]
    least_away: float
    most_away: float


@dataclass
class _Sent:
    """Loads by target: at most, and as it looks."""

    most: dict[str, float]
    likely: dict[str, float]


def own_demand(
    facts: Sequence[ClusterFacts],
    settings: PlacementSettings,
    memory: PlacementMemory,
    now: float,
) -> list[ClusterFacts]:
    """The same clusters, with `need` of their own clients instead of what reaches them.

    Where weights have changed within `FOLLOWING_SECONDS`, clients may follow the former or the new
    ones; where their lists leave a cluster out, some may know it all the same. Of what is possible
    that is taken which has receivers' own demand as it was.
    The sum over clusters that are all heard of is what reaches them, whoever follows.
    """
    listed = {(one.name, one.suffix) for one in facts if one.addressed}
    shares = {one.name: _shares(one, memory.site(one.name), settings, now, listed) for one in facts}
    sent_here: dict[str, float] = {}
    maybe_here: dict[str, float] = {}
    for _ in range(PASSES):
        kept = {
            one.name: max(0.0, one.need - sent_here.get(one.name, 0.0))
            for one in facts
            if one.moves and one.need is not None
        }
        sent = _sent(facts, shares, kept, memory)
        sent_here, maybe_here = defaultdict(float), defaultdict(float)
        for origin, its in sent.items():
            for target, load in its.likely.items():
                sent_here[target] += load
                maybe_here[target] += 0.0 if origin in kept else its.most[target]
    return [
        one
        if one.name not in kept or one.need is None
        else replace(
            one,
            need=_within(
                memory.site(one.name).held,
                one.need - sent_here[one.name] - maybe_here[one.name],
                one.need - sent_here[one.name],
            )
            + sum(sent[one.name].likely.values()),
        )
        for one in facts
    ]


def _shares(
    facts: ClusterFacts,
    memory: SiteMemory,
    settings: PlacementSettings,
    now: float,
    listed: Collection[tuple[str, str]],
) -> Shares:
    """`listed`: clusters that may be in others' lists, by the suffix of the service's name."""
    local = facts.local_only_share
    mobile = 1.0 - (settings.local_only_share if local is None else local)
    rows = [weights for until, weights in memory.earlier if until > now - FOLLOWING_SECONDS]
    away = [
        {name: mobile * percent / 100 for name, percent in row.items() if name != facts.name}
        for row in (*rows, memory.weights)
    ]
    names = sorted({name for row in away for name in row})
    told = [name for name in names if (name, facts.suffix) in listed]
    return Shares(
        least={name: min(row.get(name, 0.0) for row in away) for name in told},
        most={name: max(row.get(name, 0.0) for row in away) for name in names},
        least_away=min(sum(row.get(name, 0.0) for name in told) for row in away),
        most_away=max(sum(row.values()) for row in away),
    )


def _sent(
    facts: Sequence[ClusterFacts],
    shares: dict[str, Shares],
    kept: dict[str, float],
    memory: PlacementMemory,
) -> dict[str, _Sent]:
    """By origin. Of one that tells nothing: up to what it was to send, and none of it for sure."""
    least, most = {}, {}
    for one in facts:
        held = memory.site(one.name).held or 0.0
        its = shares[one.name]
        if one.name in kept:
            low = _all_of(kept[one.name], its.least_away, held)
            high = _all_of(kept[one.name], its.most_away, held)
        else:
            low, high = 0.0, held
        least[one.name] = {name: its.least.get(name, 0.0) * low for name in its.most}
        most[one.name] = {name: share * high for name, share in its.most.items()}
    arrived = {one.name: one.need for one in facts if one.name in kept and one.need is not None}
    fresh = {
        name: max(0.0, need - (memory.site(name).held or 0.0)) for name, need in arrived.items()
    }
    able = _bounded(most, arrived, unknown=math.inf)
    sure = _at_most(_bounded(least, arrived, unknown=0.0), able)
    seen = _bounded(most, fresh, unknown=math.inf)
    found = {}
    for one in facts:
        name = one.name
        if name not in kept:
            found[name] = _Sent(able[name], dict.fromkeys(able[name], 0.0))
            continue
        low, high = sum(sure[name].values()), sum(able[name].values())
        before = memory.site(name).held or 0.0
        # Where a target tells nothing, what was known of the origin says how much it sends there.
        blind = any(target not in arrived for target in able[name])
        wanted = before - kept[name] if blind else sum(seen[name].values())
        part = (min(max(wanted, low), high) - low) / (high - low) if high - low > NOTHING else 0.0
        found[name] = _Sent(
            able[name],
            {
                target: sure[name][target] + part * (load - sure[name][target])
                for target, load in able[name].items()
            },
        )
    return found


def _all_of(kept: float, away: float, held: float) -> float:
    """Demand of which `kept` stays while the share `away` leaves. Where little stays, it is taken
    to be at least what it was."""
    if 1.0 - away >= LEAST_KEPT:
        return kept / (1.0 - away)
    return max(held, kept / LEAST_KEPT)


def _bounded(
    loads: dict[str, dict[str, float]], arrived: dict[str, float], unknown: float
) -> dict[str, dict[str, float]]:
    """Each origin's loads, less where more were sent to a target than reached it: all in the same
    proportion. `unknown`: what may have reached a target that tells nothing."""
    together: dict[str, float] = defaultdict(float)
    for row in loads.values():
        for target, load in row.items():
            together[target] += load
    parts = {}
    for target, load in together.items():
        room = arrived.get(target, unknown)
        parts[target] = min(1.0, room / load) if load > NOTHING else 1.0
    return {
        origin: {target: load * parts[target] for target, load in row.items()}
        for origin, row in loads.items()
    }


def _at_most(
    loads: dict[str, dict[str, float]], bounds: dict[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    """What others may have sent bounds what this one has sent for sure."""
    return {
        origin: {target: min(load, bounds[origin][target]) for target, load in row.items()}
        for origin, row in loads.items()
    }


def _within(before: float | None, least: float, most: float) -> float:
    """What is next to `before`; the most where nothing was known."""
    most = max(0.0, most)
    least = min(max(0.0, least), most)
    return most if before is None else min(max(before, least), most)
