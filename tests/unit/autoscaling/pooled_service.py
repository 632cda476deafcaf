"""A service on imagined pools under load: requests spread evenly over pods, and queues per pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tests.unit.autoscaling.pool_world import ImaginedPool
from triton_operator.autoscaling.observation import Observation, Traffic
from triton_operator.autoscaling.pooled_decision import (
    PooledDecision,
    PooledState,
    decide_for_pools,
)
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.spill import receiving
from triton_operator.planning.service_curve import ServiceCurve


@dataclass
class PooledService:
    """`pools` with their curves; `late` is the share of a second's requests on overloaded pods."""

    pools: Sequence[ImaginedPool]
    curves: dict[str, ServiceCurve]
    settings: ScalingSettings
    state: PooledState = field(default_factory=PooledState)
    now: float = 1000.0
    waiting: dict[str, float] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)
    change: Callable[[Observation], Observation] = lambda seen: seen

    def look(self, rate: float) -> PooledDecision:
        """One second of that many requests, and one decision."""
        self.now += 1.0
        for pool in self.pools:
            pool.pass_time(self.now)
        states = [pool.state(self.now) for pool in self.pools]
        asked = {pool.name for pool in receiving(self.state.spill, states)}
        serving = [pool for pool in self.pools if pool.name in asked]
        pods = sum(pool.ready for pool in serving)
        late = 0.0
        for pool in self.pools:
            share = rate * pool.ready / max(1, pods) if pool in serving else 0.0
            capacity = pool.ready * self.curves[pool.name].capacity
            before = self.waiting.get(pool.name, 0.0) if pool.ready else 0.0
            self.waiting[pool.name] = max(0.0, before + share - capacity)
            if self.waiting[pool.name] > self.settings.objective_seconds * capacity:
                late += share
        self.late.append(late / rate if pods else 1.0)
        seen = Observation(
            now=self.now,
            ready=pods,
            traffic=Traffic(1.0, rate),
            pending=sum(self.waiting.get(pool.name, 0.0) for pool in serving),
            reporting=pods,
            starting_seconds=tuple(self.now - made for pool in serving for made in pool.starting),
        )
        known = {pool.name: self.curves[pool.name] for pool in self.pools if pool.measured}
        self.state, made = decide_for_pools(
            self.state, self.change(seen), states, known, self.settings
        )
        for pool in self.pools:
            pool.scale(made.distribution.replicas[pool.name], self.now)
        return made

    def looks(self, rate: float, count: int) -> PooledDecision:
        """Several seconds at the same rate; the last decision."""
        for _ in range(count - 1):
            self.look(rate)
        return self.look(rate)

    @property
    def ready(self) -> tuple[int, ...]:
        """Ready pods by pool."""
        return tuple(pool.ready for pool in self.pools)


def lost(seconds: float) -> Callable[[Observation], Observation]:
    """Looks whose metrics are so old."""
    return lambda seen: replace(
        seen, traffic=None, reporting=0, pending=0.0, metrics_age_seconds=seconds
    )
