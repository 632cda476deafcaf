"""`decide` for a service on several pools: one fleet of equal replicas, then spread over pools.

Each pod of a Service gets the same rate, so the pods that get requests are as good as that many of
the slowest pool's: its curve is the fleet's. How many are wanted is said in its replicas, and what
they would serve is what `distribute` finds the pools for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from triton_operator.autoscaling.decision import decide
from triton_operator.autoscaling.decision_record import DecisionRecord
from triton_operator.autoscaling.economy import replica_model
from triton_operator.autoscaling.observation import Observation
from triton_operator.autoscaling.pool_room import PoolState, known_limits
from triton_operator.autoscaling.pool_scene import Bounds, Wanted
from triton_operator.autoscaling.settings import TICK_SECONDS, ScalingSettings
from triton_operator.autoscaling.spill import Distribution, as_ordered, distribute, receiving
from triton_operator.autoscaling.spill_state import SpillState
from triton_operator.autoscaling.state import ScalingState
from triton_operator.planning.service_curve import ServiceCurve


@dataclass(frozen=True)
class PooledState:
    """`unit` is the pool in whose replicas `scaling` counts, `unit_rate` their safe rate then.

    `wanted` replicas of that kind were asked for last; None: never.
    """

    scaling: ScalingState = field(default_factory=ScalingState)
    spill: SpillState = field(default_factory=SpillState)
    unit: str | None = None
    unit_rate: float | None = None
    wanted: int | None = None


@dataclass(frozen=True)
class PooledDecision:
    """`record` is of the fleet's decision: in replicas of the slowest pool that gets requests, and
    without the bounds of the service. `safe_rates` are those that are known, in requests/s.
    """

    record: DecisionRecord
    distribution: Distribution
    safe_rates: Mapping[str, float]


def decide_for_pools(
    state: PooledState,
    observation: Observation,
    pools: Sequence[PoolState],
    curves: Mapping[str, ServiceCurve],
    settings: ScalingSettings,
    tick_seconds: float = TICK_SECONDS,
) -> tuple[PooledState, PooledDecision]:
    """The next state, and what each pool should have.

    `pools` are all that may serve, in order of preference, without their safe rates: these follow
    from `curves`, which has those that are known. `observation` is of the pods in the `receiving`
    pools, except for those that have no node: its traffic, pending, reporting and starting ones.
    What it says of ready and unschedulable replicas, curve and lead is replaced.
    """
    rates = {name: _safe_rate(curve, settings) for name, curve in curves.items()}
    pools = [replace(pool, safe_rate=rates.get(pool.name)) for pool in pools]
    serving = receiving(state.spill, pools)
    unit = _slowest(serving)
    rate = unit.safe_rate if unit else None
    scaling, last = state.scaling, state.wanted
    if unit and rate and state.unit_rate and unit.name != state.unit:
        earlier = rates.get(state.unit or "") or state.unit_rate
        scaling = _counted_anew(scaling, earlier / rate)
        last = None if last is None else _count(last, earlier / rate)
    before = scaling
    fleet = _of_fleet(observation, serving, curves.get(unit.name) if unit else None)
    # Replicas of another pool may be worth many of these: bounds are kept when they are spread.
    unbound = replace(settings, least=1, most=math.ceil(settings.most * _spread(pools)))
    scaling, decision = decide(before, fleet, unbound, tick_seconds)
    record = DecisionRecord(fleet, unbound, tick_seconds, decision, before, scaling)
    wanted = decision.target
    if decision.rate is None and last is not None:
        # What there is without a rate to tell: more than was asked for are those on their way from
        # one pool to another, and those that looked for room. They would be asked for ever after.
        wanted = min(wanted, max(last, *(target for _, target in scaling.targets), 1))
    spill, bounds = state.spill, Bounds(settings.least, settings.most)
    unchanged = None
    if not spill.arrangement:
        if decision.rate is None and not known_limits(spill.limits, pools, observation.now):
            unchanged = as_ordered(spill, pools, bounds)
        if unchanged is None:
            # What was arranged before, perhaps by another process, shows in what there is.
            held = tuple(pool.name for pool in pools if pool.ordered)
            spill = replace(spill, arrangement=held)
    distribution = unchanged
    if distribution is None:
        spill, distribution = distribute(
            spill, observation.now, pools, Wanted(wanted, rate), bounds
        )
    if unit and rate:
        state = replace(state, unit=unit.name, unit_rate=rate)
    state = replace(state, scaling=scaling, spill=spill, wanted=wanted)
    return state, PooledDecision(record, distribution, rates)


def _safe_rate(curve: ServiceCurve, settings: ScalingSettings) -> float:
    model = replica_model(curve, settings.objective_seconds, settings.percentile)
    return model.safe_rate if model.safe_rate > 0 else 0.9 * model.capacity


def _slowest(pools: Sequence[PoolState]) -> PoolState | None:
    """The slowest pool that has ready pods, of those whose speed is known."""
    ready = [pool for pool in pools if pool.ready] or pools
    known = [pool for pool in ready if pool.safe_rate]
    return min(known, key=lambda pool: pool.safe_rate or math.inf) if known else None


def _spread(pools: Sequence[PoolState]) -> float:
    rates = [pool.safe_rate for pool in pools if pool.safe_rate]
    return max(rates) / min(rates) if rates else 1.0


def _counted_anew(state: ScalingState, factor: float) -> ScalingState:
    """The state with its numbers of replicas in those of another pool, `factor` for each."""
    return replace(
        state,
        wants=tuple(
            (time, _count(wanted, factor), _count(lasting, factor))
            for time, wanted, lasting in state.wants
        ),
        targets=tuple((time, _count(target, factor)) for time, target in state.targets),
    )


def _count(number: int, factor: float) -> int:
    return math.ceil(number * factor - 1e-9)


def _of_fleet(
    observation: Observation, serving: Sequence[PoolState], curve: ServiceCurve | None
) -> Observation:
    """The pods that get requests as one fleet; those without a node are no replicas of it."""
    ready = sum(pool.ready for pool in serving)
    return replace(
        observation,
        ready=ready,
        reporting=min(observation.reporting, ready),
        unschedulable=0,
        curve=curve,
        lead_seconds=max((pool.start_seconds for pool in serving), default=None),
    )
