"""Runs of many seeds and policies, on all processors."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from random import Random
from statistics import median

from bench.fleet.policies import PARTS, POLICIES
from bench.fleet.random_fleets import stories
from bench.fleet.rules import breaches
from bench.fleet.simulation import Result, simulate
from bench.fleet.weather import fleet, weather
from triton_operator.api.enums import ConnectionState, Tier
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement import place
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_settings import PlacementSettings

SMALL, LARGE = (2, 2), (12, 3)
TIMED = 15


@dataclass(frozen=True)
class Job:
    """One run. `size`: edges and clouds; `follows`: part of clients that follow their list."""

    policy: str
    seed: int
    size: tuple[int, int] = SMALL
    blackout: bool = False
    hours: float = 6.0
    follows: float = 1.0

    @property
    def name(self) -> str:
        """For a file."""
        edges, clouds = self.size
        words = [f"{edges}+{clouds}", self.policy.replace(" ", "-").replace("%", "percent")]
        if self.blackout:
            words.append("blackout")
        if self.follows < 1:
            words.append(f"{round(100 * self.follows)}-percent-follow")
        return "_".join([*words, str(self.seed)])


def play(jobs: Sequence[Job], processes: int) -> dict[Job, Result]:
    """All of them; a job has one result, however it is played."""
    with ProcessPoolExecutor(processes) as workers:
        return dict(zip(jobs, workers.map(_played, jobs), strict=True))


def _played(job: Job) -> Result:
    policy = {**POLICIES, **PARTS}[job.policy]
    course = weather(job.seed, fleet(*job.size), job.hours, job.blackout)
    return simulate(course, policy, job.follows)


def broken_rules(inputs: int, processes: int) -> list[str]:
    """What random inputs break."""
    shares = [inputs // processes + (n < inputs % processes) for n in range(processes)]
    with ProcessPoolExecutor(processes) as workers:
        return [words for rows in workers.map(_broken, enumerate(shares)) for words in rows]


def _broken(share: tuple[int, int]) -> list[str]:
    seed, inputs = share
    return [
        f"seed {seed}, input {number}: {words}"
        for number, question in enumerate(islice(stories(1000 + seed), inputs))
        for words in breaches(question)
    ]


def seconds_for(clusters: int) -> float:
    """What one placement over so many takes, the median of some."""
    facts, memory, took = _many(clusters), PlacementMemory(), []
    for number in range(TIMED):
        began = time.perf_counter()
        memory, _ = place(facts, PlacementSettings(budget_seconds=0.25), memory, 30.0 * number)
        took.append(time.perf_counter() - began)
    return median(took)


def _many(clusters: int) -> list[ClusterFacts]:
    random = Random(clusters)
    return [
        ClusterFacts(
            name=f"site-{number:04}",
            tier=Tier.CLOUD if number % 25 == 0 else Tier.EDGE,
            state=random.choice([ConnectionState.CONNECTED] * 9 + [ConnectionState.LOST]),
            capacity=100 if number % 25 == 0 else 4,
            ready=4,
            need=random.uniform(0.0, 7.0),
            rtt_seconds=random.uniform(0.005, 0.05),
            p95_seconds=0.1,
            cost=random.uniform(0.0, 1.0),
        )
        for number in range(clusters)
    ]


def jobs(
    policies: Iterable[str],
    seeds: Iterable[int],
    hours: float,
    size: tuple[int, int] = SMALL,
    blackout: bool = False,
    follows: float = 1.0,
) -> list[Job]:
    """Every policy with every seed."""
    seeds = tuple(seeds)
    return [
        Job(policy, seed, size, blackout, hours, follows) for policy in policies for seed in seeds
    ]
