"""What happens to a fleet in a few hours: demand with bursts, a cut, a link that flaps, an outage.

Everything is drawn from a seed before anybody decides, so that every policy meets the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triton_operator.api.enums import Tier

STEP_SECONDS = 5
HOUR = 3600
NOISE = 0.06
"""Standard deviation of demand around its course, which wanders within a minute."""
NOISE_SECONDS = 60.0
BURSTS = {Tier.EDGE: 2, Tier.CLOUD: 1}
BURST_FACTOR = {Tier.EDGE: (1.5, 2.1), Tier.CLOUD: (1.2, 1.5)}
"""Of a shop's demand, and of a cloud's, which is that of many clients together."""
BURST_SECONDS = (300.0, 900.0)
ONSET_SECONDS = 60.0
CUT_SECONDS = HOUR
FLAPPING_SECONDS = 1500
FLAP_SECONDS = 20
OUTAGE_SECONDS = 1200

Loads = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Place:
    """A cluster of the simulation: `demand` is the mean of its own clients', in replicas."""

    name: str
    tier: Tier
    capacity: int
    demand: float
    rtt_seconds: float
    cost: float
    local_only_share: float


@dataclass(frozen=True)
class Weather:
    """Rows are steps, columns the places in their order.

    `linked`: the place has a way to all others, and to the hub. `up`: its own clients reach it.
    """

    seed: int
    places: tuple[Place, ...]
    demand: Loads
    linked: Flags
    up: Flags

    @property
    def steps(self) -> int:
        """Of `STEP_SECONDS` each."""
        return len(self.demand)


def fleet(edges: int, clouds: int) -> tuple[Place, ...]:
    """Edges with room for four that need most of it, clouds with clients of their own."""
    near = [
        Place(f"edge-{number:02}", Tier.EDGE, 4, 2.6, 0.008, 0.0, 0.2) for number in range(edges)
    ]
    far = [
        Place(f"cloud-{number}", Tier.CLOUD, 40, 8.0, 0.03 + 0.01 * number, 1.0 + 0.1 * number, 0.0)
        for number in range(clouds)
    ]
    return (*near, *far)


def weather(seed: int, places: tuple[Place, ...], hours: float, blackout: bool = False) -> Weather:
    """A cut of an hour at the first edge, 25 minutes of flapping at the second, and 20 minutes in
    which nobody reaches the first cloud but its own clients, and in a `blackout` these neither;
    shorter where there are fewer hours than six."""
    random = np.random.default_rng(seed)
    steps = int(hours * HOUR) // STEP_SECONDS
    times: Loads = np.arange(steps) * np.float64(STEP_SECONDS)
    scale = hours / 6.0
    columns = [_course(random, place, times, scale) for place in places]
    linked = np.ones((steps, len(places)), np.bool_)
    up = np.ones((steps, len(places)), np.bool_)
    edges = [number for number, place in enumerate(places) if place.tier is Tier.EDGE]
    first_cloud = next(n for n, place in enumerate(places) if place.tier is Tier.CLOUD)
    start = HOUR * scale * random.uniform(0.8, 1.6)
    linked[_within(times, start, CUT_SECONDS * scale), edges[0]] = False
    start = HOUR * scale * random.uniform(2.9, 3.5)
    flapping = _within(times, start, FLAPPING_SECONDS * scale)
    down = (times - start) % (2 * FLAP_SECONDS) >= FLAP_SECONDS
    linked[flapping & down, edges[1]] = False
    start = HOUR * scale * random.uniform(4.2, 5.0)
    outage = _within(times, start, OUTAGE_SECONDS * scale)
    linked[outage, first_cloud] = False
    up[outage, first_cloud] = not blackout
    return Weather(seed, places, np.stack(columns, axis=1), linked, up)


def _course(random: np.random.Generator, place: Place, times: Loads, scale: float) -> Loads:
    period = HOUR * scale * random.uniform(2.5, 5.0)
    wave = 1.0 + 0.4 * np.sin(2 * math.pi * (times / period + random.random()))
    kept = math.exp(-STEP_SECONDS / NOISE_SECONDS)
    steps = random.normal(0.0, NOISE * math.sqrt(1 - kept**2), len(times))
    noise = np.empty(len(times))
    value = 0.0
    for number, step in enumerate(steps):
        value = kept * value + step
        noise[number] = value
    course = place.demand * wave * (1.0 + noise)
    for _ in range(BURSTS[place.tier]):
        start = random.uniform(0.0, times[-1])
        seconds = random.uniform(*BURST_SECONDS) * scale
        height = random.uniform(*BURST_FACTOR[place.tier]) - 1.0
        rising = (times - start) / ONSET_SECONDS
        falling = (start + seconds - times) / ONSET_SECONDS
        course *= 1.0 + height * np.clip(np.minimum(rising, falling), 0.0, 1.0)
    bounded: Loads = np.maximum(0.0, course)
    return bounded


def _within(times: Loads, start: float, seconds: float) -> Flags:
    found: Flags = (times >= start) & (times < start + seconds)
    return found
