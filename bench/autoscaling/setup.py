"""What is the same for every policy: replicas, their starts, the objective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.autoscaling.replicas import RANDOM
from triton_operator.api.enums import Overload
from triton_operator.api.inference_service import Batching
from triton_operator.planning.overload import choose_queue

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ColdStart:
    """Seconds from an order to a ready replica: lognormal, or drawn by percentiles of loads."""

    median: float = 35.0
    sigma: float = 0.35
    percentiles: tuple[tuple[float, float], ...] = ()
    scheduling: float = 0.0

    def draw(self, randomness: np.random.Generator) -> float:
        """One start."""
        if self.percentiles:
            shares, seconds = zip(*self.percentiles, strict=True)
            drawn = np.interp(100 * randomness.random(), shares, seconds)
            return float(drawn) + self.scheduling
        return float(np.exp(np.log(self.median) + self.sigma * randomness.standard_normal()))


@dataclass(frozen=True)
class Setup:
    """What is the same for every policy."""

    base: float = 0.020
    slope: float = 0.010
    largest: int = 8
    instances: int = 1
    noise: float = 0.05
    objective: float = 0.250
    cold_start: ColdStart = ColdStart()
    least: int = 1
    most: int = 80
    balancing: int = RANDOM
    rejects: bool = False
    safe_rate: float = 64.2
    """Requests/s per replica, for the fleet at the start only."""
    believed_base: float = 1.0
    """Factor on the service curve that policies are told: 0.85 says that they think it faster."""
    crash_at: tuple[float, ...] = ()
    slow_replicas: float = 1.0
    """Factor on the service times of every fourth replica."""

    def curve(self) -> Floats:
        """For the compiled code."""
        queue = choose_queue(
            Batching(overload=Overload.REJECT),
            round(1000 * self.objective),
            batched=True,
            single_instance=True,
        )
        return np.array(
            [
                self.base,
                self.slope,
                self.largest,
                self.instances,
                np.sqrt(np.log(1 + self.noise**2)),
                self.objective,
                queue.timeout / 1e6 if self.rejects else np.inf,
            ]
        )
