"""What no placement may do, whatever it was told: computed anew here from what went in and out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from triton_operator.api.enums import ConnectionState, Failover, TaintEffect, Tier
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.latency import planned_seconds
from triton_operator.fleet.own_demand import own_demand
from triton_operator.fleet.placement import Placed, SitePlacement, place
from triton_operator.fleet.placement_memory import PlacementMemory, SiteMemory
from triton_operator.fleet.placement_reasons import Why
from triton_operator.fleet.placement_settings import PlacementSettings

CLOSE = 1e-6


@dataclass(frozen=True)
class Question:
    """What `place` is asked."""

    facts: tuple[ClusterFacts, ...]
    settings: PlacementSettings
    memory: PlacementMemory
    now: float

    def answer(self) -> tuple[PlacementMemory, Placed]:
        """What it says."""
        return place(self.facts, self.settings, self.memory, self.now)

    def is_allowed(self, one: ClusterFacts) -> bool:
        """By residency."""
        return not self.settings.zones or bool(set(self.settings.zones) & set(one.zones))

    def in_force(self, one: ClusterFacts) -> int:
        """The ceiling that may be in force there before the answer."""
        return max(self.memory.site(one.name).ceiling, one.ceiling or 0)

    def mobile(self, one: ClusterFacts, demand: float) -> float:
        """What may leave of its demand."""
        share = one.local_only_share
        return demand * (1 - (self.settings.local_only_share if share is None else share))

    def seconds(self, one: ClusterFacts) -> float | None:
        """Latency there as planned; who tells none is as slow as the slowest that does, those
        whose curve is known first."""
        own = planned_seconds(one, self.settings)
        if own is not None:
            return own
        others = [(other, planned_seconds(other, self.settings)) for other in self.facts]
        curves = [its for other, its in others if other.curve and other.safe_rate]
        for group in (curves, [its for _, its in others]):
            told = [its for its in group if its is not None]
            if told:
                return max(told)
        return None


def breaches(question: Question) -> list[str]:
    """Which rules the answer breaks, a sentence each."""
    after, placed = question.answer()
    return list(breaches_of(question, after, placed))


def breaches_of(question: Question, after: PlacementMemory, placed: Placed) -> Iterator[str]:
    """The same of a given answer."""
    facts = {one.name: one for one in question.facts}
    if placed.sites.keys() != facts.keys():
        yield "some cluster has no answer"
        return
    taken = dict.fromkeys(facts, 0.0)
    for site in placed.sites.values():
        for target, load in site.granted.items():
            taken[target] += load
    for name, one in facts.items():
        its, before = placed.sites[name], question.memory.site(name)
        for rules in (
            _conserves(its),
            _residency(question, one, its, taken[name], facts, after.site(name)),
            _grants(question, one, its, facts),
            _weights(question, one, its, facts, after.site(name)),
            _moving(question, one, its, taken[name])
            if one.moves
            else _still(question, one, its, before, after.site(name), taken[name]),
        ):
            for words in rules:
                yield f"cluster {name}: {words}"
    yield from _maxima(question, placed)
    yield from _oversubscribed(question, after)
    yield from _surge(question, placed)


def _conserves(its: SitePlacement) -> Iterator[str]:
    whole = its.kept + sum(its.granted.values()) + its.unplaced
    if not math.isclose(whole, its.demand, rel_tol=CLOSE, abs_tol=CLOSE):
        yield f"conservation: {whole:g} of a demand of {its.demand:g}"
    told = {one.why for one in its.reasons} & {Why.CAPACITY_EXCEEDED, Why.RESIDENCY_CONSTRAINED}
    if its.unplaced > CLOSE and not told:
        yield "conservation: dropped silently"
    if min(its.kept, its.unplaced, its.constrained, *its.granted.values(), 0.0) < 0:
        yield "conservation: a negative load"


def _residency(
    question: Question,
    one: ClusterFacts,
    its: SitePlacement,
    taken: float,
    facts: dict[str, ClusterFacts],
    after: SiteMemory,
) -> Iterator[str]:
    if not question.is_allowed(one):
        if its.kept > 0 or taken > 0 or its.floor > 0 or (one.moves and its.ceiling > 0):
            yield "residency: serves outside of the zones"
        if one.name in its.weights:
            yield "residency: routes to itself outside of the zones"
    for target in {*its.weights, *after.loads, *its.granted}:
        if not question.is_allowed(facts[target]):
            yield f"residency: sends to {target}, outside of the zones"
    if sum(its.granted.values()) > question.mobile(one, its.demand) + CLOSE:
        yield "residency: grants what must not leave"


def _grants(
    question: Question, one: ClusterFacts, its: SitePlacement, facts: dict[str, ClusterFacts]
) -> Iterator[str]:
    sent = {name for name in its.weights if name != one.name} if one.moves else set()
    for name in {*its.granted, *sent}:
        target = facts[name]
        if question.settings.budget_seconds is not None:
            way, seconds = one.rtt_to(target), question.seconds(target)
            if way is None or seconds is None:
                yield f"budget: to {name}, whose latency is not known"
            elif way + seconds > question.settings.budget_seconds:
                yield f"budget: {way + seconds:g} s to {name}"
        if target.place < one.place:
            yield f"order: pushed down to {name}"
        if name == one.name:
            yield "order: granted to itself"
        if TaintEffect.NO_SELECT in target.taints:
            yield f"taints: to {name}, which is drained"
        new = question.memory.site(name).granted <= 0
        if name in its.granted and TaintEffect.NO_SELECT_IF_NEW in target.taints and new:
            yield f"taints: to {name}, which takes nothing new"


def _weights(
    question: Question,
    one: ClusterFacts,
    its: SitePlacement,
    facts: dict[str, ClusterFacts],
    after: SiteMemory,
) -> Iterator[str]:
    weights = its.weights
    if weights and (sum(weights.values()) != 100 or min(weights.values()) < 0):
        yield f"weight-sum: {weights}"
    if not weights and one.moves and question.is_allowed(one):
        yield "weight-sum: none, although it may serve itself"
    if not one.moves:
        return
    mobile = question.mobile(one, its.demand)
    for name, share in weights.items():
        target = facts[name]
        if name == one.name:
            continue
        if target.data_plane is False:
            yield f"lost: requests go to {name}, which does not answer"
        if target.state is ConnectionState.LOST and target.data_plane is not True:
            yield f"lost: requests go to {name}, of which nothing is heard"
        fair = 100 * after.loads.get(name, 0.0) / mobile if mobile > 0 else 0.0
        if question.is_allowed(one) and share > fair + 1e-3:
            yield f"weights: {share} % to {name}, which has {fair:g} % ready"


def _moving(
    question: Question, one: ClusterFacts, its: SitePlacement, taken: float
) -> Iterator[str]:
    if its.kept + taken > one.capacity * one.speed + CLOSE:
        yield f"capacity: {its.kept + taken:g} on {one.capacity} x {one.speed:g}"
    # A work that there is keeps one replica, whether there is a node for it or not.
    kept = 1 if question.in_force(one) and question.settings.bounds(one.tier) else 0
    if not 0 <= its.floor <= its.ceiling <= max(one.capacity, kept):
        yield f"capacity: floor {its.floor}, ceiling {its.ceiling} on {one.capacity}"


def _still(
    question: Question,
    one: ClusterFacts,
    its: SitePlacement,
    before: SiteMemory,
    after: SiteMemory,
    taken: float,
) -> Iterator[str]:
    lost = one.state is ConnectionState.LOST
    spilled = sum(its.granted.values())
    if its.ceiling != before.ceiling:
        yield "lost: its ceiling changes"
    if lost and (taken > 0 or its.floor > 0):
        yield "lost: gets something"
    if not lost and taken > before.granted + CLOSE:
        yield "lost: gets more while it is not connected"
    gone = not question.is_allowed(one) or TaintEffect.NO_SELECT in one.taints
    if not lost and not gone and its.floor != before.floor:
        yield "lost: its floor changes while it is not connected"
    if after.held != before.held or after.last_spill != before.last_spill:
        yield "lost: its memory changes"
    failover = question.settings.failover(one.tier) if lost else Failover.FREEZE
    if failover is Failover.FREEZE and spilled > before.last_spill + CLOSE:
        yield "lost: more than before is taken over"
    if failover is Failover.RELEASE and spilled > 0:
        yield "lost: something is taken over although it is released"


def _maxima(question: Question, placed: Placed) -> Iterator[str]:
    settings = question.settings
    bounds: list[tuple[str, int | None, Sequence[ClusterFacts]]] = [
        ("fleet", settings.most, question.facts)
    ]
    bounds += [
        (tier, settings.tier_most.get(tier), [one for one in question.facts if one.tier is tier])
        for tier in Tier
    ]
    for name, most, members in bounds:
        if most is None:
            continue
        forces = {one.name: question.in_force(one) for one in members}
        ceilings = {one.name: placed.sites[one.name].ceiling for one in members}
        still = sum(forces[one.name] for one in members if not one.moves)
        moving = sum(ceilings[one.name] for one in members if one.moves)
        kept = sum(1 for one in members if one.moves and forces[one.name])
        if moving > max(kept, most - still):
            yield f"maximum: {moving} beside {still} of {most} for {name}"
        placed_there = sum(_replicas(one, placed) for one in members if one.moves)
        if placed_there > max(kept, most - still):
            yield f"maximum: places {placed_there} beside {still} of {most} for {name}"
        together = sum(max(forces[one], ceilings[one]) for one in forces)
        if together > max(most, sum(forces.values())):
            yield f"maximum: {together} may be in force for {name}, of {most}"


def _oversubscribed(question: Question, after: PlacementMemory) -> Iterator[str]:
    told_apart = own_demand(question.facts, question.settings, question.memory, question.now)
    for one in told_apart:
        own = max(after.site(one.name).held or 0.0, one.need or 0.0)
        spare = max(0.0, one.ready * one.speed - own)
        loads = {True: 0.0, False: 0.0}
        for other in question.facts:
            loads[other.moves] += after.site(other.name).loads.get(one.name, 0.0)
        if loads[True] > max(0.0, spare - loads[False]) + CLOSE:
            yield f"cluster {one.name}: weights: {loads[True]:g} sent to {spare:g} ready"


def _surge(question: Question, placed: Placed) -> Iterator[str]:
    """Without replacing, everything else is as it is: the difference is what replaces."""
    asked = question.settings
    settings = replace(
        asked,
        edge=_not_replaced(asked.edge),
        on_prem=_not_replaced(asked.on_prem),
        cloud=_not_replaced(asked.cloud),
    )
    lost = [one for one in question.facts if one.state is ConnectionState.LOST]
    if settings == asked or not lost:
        return
    _, frozen = replace(question, settings=settings).answer()
    added = sum(
        _replicas(one, placed) - _replicas(one, frozen) for one in question.facts if one.moves
    )
    if added > asked.max_surge:
        yield f"lost: {added} replicas replace, of {asked.max_surge}"


def _not_replaced(failover: Failover) -> Failover:
    return Failover.FREEZE if failover is Failover.REPLACE else failover


def _replicas(one: ClusterFacts, placed: Placed) -> int:
    """What its load takes."""
    taken = sum(site.granted.get(one.name, 0.0) for site in placed.sites.values())
    return math.ceil((placed.sites[one.name].kept + taken) / one.speed - CLOSE)
