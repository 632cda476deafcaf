"""Fleets, settings and what becomes of them, drawn from a seed: inputs for `rules`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random

from bench.fleet.rules import Question
from triton_operator.api.enums import ConnectionState, Failover, TaintEffect, Tier
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.planning.queue_model import safe_rate
from triton_operator.planning.service_curve import ServiceCurve

OBJECTIVE_SECONDS = 0.25
CURVES = (
    ServiceCurve(0.020, 0.010, 8),
    ServiceCurve(0.004, 0.0015, 32),
    ServiceCurve(0.060, 0.030, 4),
)
ZONES = ("eu", "us", "store-1")
LONGEST_STORY = 12
MILD = 0.6
"""Of the fleets: where everything is wrong at once, nothing is placed that could be wrong."""


def stories(seed: int) -> Iterator[Question]:
    """Without end: each fleet is asked for some times, with what it remembers and what happens."""
    random = Random(seed)
    while True:
        settings = _settings(random)
        mild = random.random() < MILD
        facts = [_facts(random, f"site-{number}", mild) for number in range(random.randint(1, 9))]
        memory, now = PlacementMemory(), 1000.0
        for _ in range(random.randint(1, LONGEST_STORY)):
            question = Question(tuple(facts), settings, memory, now)
            yield question
            memory, _placed = question.answer()
            now += random.choice([0.0, 2.0, 30.0, 30.0, 30.0, 600.0, 2000.0, -5.0])
            facts = [_changed(random, one, memory, mild) for one in facts]
            if random.random() < 0.05:
                settings = _settings(random)
            if random.random() < 0.05:
                name = f"late-{len(facts)}-{random.randint(0, 9999)}"
                facts.append(_facts(random, name, mild))


def _settings(random: Random) -> PlacementSettings:
    failovers = list(Failover)
    return PlacementSettings(
        zones=random.choice([(), (), ("eu",), ("eu", "us")]),
        local_only_share=random.choice([0.0, 0.0, 0.3, 1.0]),
        budget_seconds=random.choice([None, None, 0.1, 0.3, 0.6]),
        most=random.choice([None, None, None, 0, 3, 10, 30, 30, 100]),
        tier_most=random.choice([{}, {}, {"Cloud": 5}, {"Edge": 3, "Cloud": 20}]),
        spill_at=random.choice([0.5, 0.7, 0.9, 1.0]),
        rising_seconds=random.choice([0.0, 60.0]),
        smoothing_seconds=random.choice([0.0, 30.0, 120.0]),
        window_seconds=random.choice([0.0, 60.0, 900.0]),
        deadband=random.choice([0.0, 0.25]),
        edge=random.choice([Failover.FREEZE, *failovers]),
        on_prem=random.choice(failovers),
        cloud=random.choice([Failover.REPLACE, *failovers]),
        max_surge=random.choice([0, 1, 3, 8]),
    )


def _facts(random: Random, name: str, mild: bool) -> ClusterFacts:
    if mild:
        return _mild_facts(random, name)
    capacity = random.choice([0, 1, 4, 4, 10, 40])
    curve = random.choice([None, *CURVES])
    return ClusterFacts(
        name=name,
        tier=random.choice(list(Tier)),
        state=random.choice([ConnectionState.CONNECTED] * 5 + list(ConnectionState)),
        capacity=capacity,
        ready=random.randint(0, capacity),
        need=random.choice([None, 0.0, random.uniform(0, 2), random.uniform(0, 2 * capacity + 1)]),
        order=random.choice([None, None, None, 0, 1, 5]),
        zones=tuple(zone for zone in ZONES if random.random() < 0.6),
        speed=random.choice([1.0, 1.0, 0.3, 2.5]),
        local_only_share=random.choice([None, None, 0.0, random.random(), 1.0]),
        rtt_seconds=random.choice([None, random.uniform(0, 0.2), random.uniform(0, 0.2)]),
        peer_rtt={f"site-{random.randint(0, 8)}": random.uniform(0, 0.3)},
        curve=curve,
        safe_rate=None if curve is None else rate_of(curve),
        p95_seconds=random.choice([None, random.uniform(0, 0.4)]),
        cost=random.choice([0.0, random.uniform(0, 3)]),
        joules=random.choice([0.0, random.uniform(0, 9)]),
        taints=random.choice([(), (), (), (), (random.choice(list(TaintEffect)),)]),
        data_plane=random.choice([None, True, True, False]),
        paused=random.random() < 0.05,
    )


def _mild_facts(random: Random, name: str) -> ClusterFacts:
    """Edges that may be too small beside clouds with room."""
    tier = random.choice([Tier.EDGE, Tier.EDGE, Tier.ON_PREM, Tier.CLOUD, Tier.CLOUD])
    capacity = {Tier.EDGE: 4, Tier.ON_PREM: 10, Tier.CLOUD: 40}[tier]
    curve = random.choice(CURVES[:2])
    return ClusterFacts(
        name=name,
        tier=tier,
        state=ConnectionState.CONNECTED,
        capacity=capacity,
        ready=random.randint(0, capacity),
        need=random.uniform(0, 10),
        zones=ZONES[: random.randint(1, 3)],
        speed=random.choice([1.0, 1.0, 0.3, 2.5]),
        local_only_share=random.choice([None, 0.0, 0.2]),
        rtt_seconds=random.uniform(0, 0.05),
        peer_rtt={f"site-{random.randint(0, 8)}": random.uniform(0, 0.1)},
        curve=curve,
        safe_rate=rate_of(curve),
        cost=random.uniform(0, 3),
        joules=random.uniform(0, 9),
        data_plane=random.choice([None, True]),
    )


def _changed(
    random: Random, one: ClusterFacts, memory: PlacementMemory, mild: bool
) -> ClusterFacts:
    """Some time later: replicas follow what was published, demand and links do as they like."""
    before = memory.site(one.name)
    if random.random() < 0.25:
        state = random.choice([ConnectionState.CONNECTED] * 3 + list(ConnectionState))
        one = replace(one, state=state)
    if random.random() < 0.1:
        one = replace(one, data_plane=random.choice([None, True, False]))
    if random.random() < 0.02:
        one = replace(one, taints=(random.choice(list(TaintEffect)),))
    if not one.moves and random.random() < 0.9:
        return one
    if random.random() < (0.02 if mild else 0.1):
        return replace(_facts(random, one.name, mild), state=one.state)
    ready = one.ready
    if random.random() < 0.7:
        ready = min(one.capacity, max(before.floor, ready - 1))
    need = one.need
    if random.random() < 0.5:
        need = random.uniform(0, 10 if mild else 2 * one.capacity + 1)
    ceiling = random.choice([one.ceiling, before.ceiling])
    return replace(one, ready=ready, need=need, ceiling=ceiling)


@cache
def rate_of(curve: ServiceCurve) -> float:
    """What one replica serves within the objective."""
    return safe_rate(curve, OBJECTIVE_SECONDS, 0.95)
