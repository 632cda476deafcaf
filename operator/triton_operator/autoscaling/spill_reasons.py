"""Why replicas are spread over pools as they are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from triton_operator.autoscaling.arrangement import NEARLY, Arrangement
from triton_operator.autoscaling.pool_scene import Scene
from triton_operator.autoscaling.reasons import Reason, Why, reason
from triton_operator.autoscaling.spill_state import SpillState


@dataclass(frozen=True)
class PoolReason:
    """A reason that is one pool's."""

    pool: str
    reason: Reason

    @property
    def sentence(self) -> str:
        """For people."""
        return f"pool {self.pool} {self.reason.sentence}"


def pool_reasons(
    state: SpillState, scene: Scene, goal: Arrangement, replicas: Mapping[str, int]
) -> Iterator[Reason | PoolReason]:
    """A bound of the spec that decides, a pool's own reasons in order of preference, then a lack of
    room in all of them."""
    bounded = is_bounded(scene, goal, replicas)
    if bounded:
        leaving = sum(count for name, count in replicas.items() if name not in goal.pools)
        wanted = _wanted(scene, goal) + leaving
        yield reason(Why.AT_MAXIMUM, wanted=wanted, bound=scene.needs.most)
    elif _is_lifted(scene, goal, replicas):
        yield reason(Why.AT_MINIMUM, wanted=_wanted(scene, goal), bound=scene.needs.least)
    first = scene.pools[0]
    slowest = scene.slowest([pool for pool in scene.pools if pool.name in goal.pools])
    fastest = max((scene.rates[name] for name in goal.pools), default=0.0)
    for limit in state.limits:
        asked = goal.replicas.get(limit.pool, 0)
        if asked >= limit.replicas or (limit.pool == first.name and goal.pools != (first.name,)):
            yield PoolReason(limit.pool, reason(Why.POOL_FULL, taken=limit.replicas))
    for pool in scene.pools:
        count = replicas[pool.name]
        if pool.name not in goal.pools:
            if count and pool.placed:
                yield PoolReason(pool.name, reason(Why.LEAVING, replicas=count))
            continue
        if pool.name != first.name:
            why = Why.SPILLED if len(goal.pools) > 1 else Why.MOVED_OVER
            yield PoolReason(pool.name, reason(why, replicas=count))
        if state.alone not in (None, pool.name):
            yield PoolReason(
                pool.name, reason(Why.HELD_BACK, ready=pool.ready, wanted=goal.replicas[pool.name])
            )
        if pool.name in scene.unmeasured:
            yield PoolReason(pool.name, reason(Why.SPEED_UNKNOWN))
        if scene.rates[pool.name] == slowest < fastest:
            yield PoolReason(pool.name, reason(Why.EVEN_SPLIT, rate=slowest, fastest=fastest))
    if not bounded and not goal.serves:
        yield reason(Why.NO_ROOM, served=goal.capacity, wanted=scene.needs.rate)


def is_bounded(scene: Scene, goal: Arrangement, replicas: Mapping[str, int]) -> bool:
    """Whether more replicas would be ordered, if more were allowed."""
    if sum(replicas.values()) < scene.needs.most or not goal.pools:
        return False
    short = any(replicas[name] < count for name, count in goal.replicas.items())
    return short or not goal.serves


def _is_lifted(scene: Scene, goal: Arrangement, replicas: Mapping[str, int]) -> bool:
    """Whether fewer replicas would be ordered, if fewer were allowed."""
    if sum(replicas.values()) > scene.needs.least or not goal.pools:
        return False
    return _wanted(scene, goal) < scene.needs.least


def _wanted(scene: Scene, goal: Arrangement) -> int:
    """Replicas in the pools of the goal that would serve what is wanted, without any bound."""
    slowest = scene.slowest([pool for pool in scene.pools if pool.name in goal.pools])
    return math.ceil(scene.needs.rate / slowest - NEARLY)
