"""How replicas are spread over pools: the first while it has room, then others, and back.

Pods that share a Service get the same rate each, so one slow pod beside four fast ones takes a
fifth of the requests and is overrun. Two things follow. Which pools share the work is chosen by
what they serve together (see `arrangement`). And on the way from one choice to the next, either one
pool alone gets requests or all do, whichever serves more with what is ready: a pool that starts is
not let in before it helps, and one that goes stays until it is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from triton_operator.autoscaling.arrangement import (
    NEARLY,
    Arrangement,
    Room,
    arranged,
    best_arrangement,
    is_priced,
)
from triton_operator.autoscaling.handover import MARGIN, kept_replicas, let_in
from triton_operator.autoscaling.pool_room import REFUSED_SECONDS, PoolState, known_limits
from triton_operator.autoscaling.pool_scene import Bounds, Scene, Wanted
from triton_operator.autoscaling.reasons import Reason, Why, reason
from triton_operator.autoscaling.spill_reasons import PoolReason, is_bounded, pool_reasons
from triton_operator.autoscaling.spill_state import SpillState

STEADY_SECONDS = 60.0
"""A better arrangement has to be better for so long, or for one start where that takes longer."""


@dataclass(frozen=True)
class Distribution:
    """Replicas for every pool, 0 among them.

    `alone`: only this pool's pods are to get requests; None: every pod. `limited`: the first pool
    has no room for what is wanted, or the bounds have not.
    """

    replicas: Mapping[str, int]
    alone: str | None
    limited: bool
    reasons: tuple[Reason | PoolReason, ...]

    @property
    def in_use(self) -> tuple[str, ...]:
        """Pools that need a Deployment."""
        return tuple(pool for pool, count in self.replicas.items() if count)


def receiving(state: SpillState, pools: Sequence[PoolState]) -> tuple[PoolState, ...]:
    """The pools whose pods get requests now, of those that have any that could."""
    if any(pool.name == state.alone for pool in pools):
        return tuple(pool for pool in pools if pool.name == state.alone)
    return tuple(pool for pool in pools if pool.ordered) or tuple(pools[:1])


def as_ordered(
    state: SpillState, pools: Sequence[PoolState], bounds: Bounds
) -> Distribution | None:
    """What is ordered now, and in the first pool what `bounds` lack; None: it is more than they.

    For as long as nothing tells how much is needed.
    """
    replicas = {pool.name: pool.ordered for pool in pools}
    ordered = sum(replicas.values())
    if ordered > bounds.most:
        return None
    if ordered >= bounds.least:
        return Distribution(replicas, state.alone, limited=False, reasons=())
    replicas[pools[0].name] += bounds.least - ordered
    bound = reason(Why.AT_MINIMUM, wanted=ordered, bound=bounds.least)
    return Distribution(replicas, state.alone, limited=False, reasons=(bound,))


def distribute(
    state: SpillState, now: float, pools: Sequence[PoolState], wanted: Wanted, bounds: Bounds
) -> tuple[SpillState, Distribution]:
    """The next state, and the replicas of each pool; `pools` in order of preference.

    What is ready and gets requests serves no less afterwards than before, or what is wanted, if
    that is less; unless the bounds are lower than what there is.
    """
    state = replace(state, limits=known_limits(state.limits, pools, now))
    if all(pool.name != state.alone for pool in pools):
        state = replace(state, alone=None)
    scene = Scene.of(state, pools, wanted, bounds)
    state, goal = _agreed(state, now, scene)
    state = let_in(state, now, scene, goal)
    replicas = _replicas(state, now, scene, goal)
    limited = (
        not goal.serves
        or any(name != pools[0].name for name in goal.pools)
        or is_bounded(scene, goal, replicas)
    )
    reasons = tuple(pool_reasons(state, scene, goal, replicas))
    return state, Distribution(replicas, state.alone, limited, reasons)


def _agreed(state: SpillState, now: float, scene: Scene) -> tuple[SpillState, Arrangement]:
    """The arrangement to go for: the best one, once it has been the best for long enough.

    Where there is no room for all, others join at once. Replicas that serve are left for others
    only after a while: what came in between may be a peak, over before those are ready.
    """
    enough = scene.enough(state.alone)
    best = best_arrangement(
        scene.rooms,
        scene.needs,
        # A Service has the pods of one pool or of all: on some ways somebody slow gets in.
        lambda pools: max(scene.options(pools).values()) >= enough,
    )
    names = set(state.arrangement)
    rooms = [one for one in scene.rooms if one.name in names]
    current = _filled(rooms, scene)
    if not rooms or set(best.pools) == names:
        state = _with_shortage(state, now, scene, best)
        return replace(state, arrangement=best.pools, better=()), best
    state = _with_shortage(state, now, scene, current)
    more = not current.serves and best.capacity > current.capacity * (1 + NEARLY)
    if not more and not _is_better(best, current, scene):
        return replace(state, better=()), current
    joined = names <= set(best.pools) or not any(pool.ready for pool in scene.pools)
    short_seconds = now - (now if state.short_since is None else state.short_since)
    at_once = more and (joined or short_seconds >= REFUSED_SECONDS)
    if state.better != best.pools:
        state = replace(state, better=best.pools, better_since=now)
    steady = max(STEADY_SECONDS, *(pool.start_seconds for pool in scene.pools))
    if at_once or now - state.better_since >= steady:
        state = replace(state, short_since=None)
        return replace(state, arrangement=best.pools, better=()), best
    return state, current


def _filled(rooms: Sequence[Room], scene: Scene) -> Arrangement:
    """These pools, without those that the ones before them leave nothing to.

    A slow pool that gets no replica is no reason to order fast ones as if they were as slow.
    """
    made = arranged(rooms, scene.needs, priced=is_priced(scene.rooms))
    used = [one for one in rooms if one.name in made.replicas]
    return made if len(used) == len(rooms) else _filled(used, scene)


def _with_shortage(state: SpillState, now: float, scene: Scene, current: Arrangement) -> SpillState:
    """Short is also who waits for nodes where it is not known yet that there are none."""
    waits = any(
        pool.unschedulable and current.replicas.get(pool.name, 0) > pool.placed
        for pool in scene.pools
    )
    if current.serves and not waits:
        return replace(state, short_since=None)
    return state if state.short_since is not None else replace(state, short_since=now)


def _is_better(best: Arrangement, current: Arrangement, scene: Scene) -> bool:
    if not best.serves and (current.serves or best.capacity < current.capacity):
        return False
    if best.pools == (scene.rooms[0].name,):
        return best.serves
    return best.cost < (1 - MARGIN) * current.cost or (
        best.cost <= current.cost and best.idle < (1 - MARGIN) * current.idle
    )


def _replicas(state: SpillState, now: float, scene: Scene, goal: Arrangement) -> dict[str, int]:
    """What the goal asks for, what has to stay meanwhile, and one that looks for room."""
    kept = kept_replicas(state, now, scene, goal)
    asked = {pool.name: goal.replicas.get(pool.name, 0) for pool in scene.pools}
    replicas = dict.fromkeys(asked, 0)
    left = scene.needs.most

    def give(pool: str, number: int) -> None:
        nonlocal left
        more = min(left, max(0, number - replicas[pool]))
        replicas[pool] += more
        left -= more

    for pool in asked:
        give(pool, kept[pool])
    for pool in asked:
        give(pool, asked[pool])
    for pool in _probed(state, scene, goal):
        give(pool, replicas[pool] + 1)
    lacking = scene.needs.least - sum(replicas.values())
    if lacking > 0:
        # They wait for a node where they are wanted most: who adds nodes has to see them.
        give(scene.pools[0].name, replicas[scene.pools[0].name] + lacking)
    return replicas


def _probed(state: SpillState, scene: Scene, goal: Arrangement) -> list[str]:
    """Pools that are full and would have got more: one more replica waits there for a node."""
    last = goal.pools[-1] if goal.pools else ""
    return [
        limit.pool
        for limit in state.limits
        if (limit.pool in goal.pools or limit.pool == scene.pools[0].name)
        and goal.replicas.get(limit.pool, 0) == limit.replicas
        and (limit.pool != last or not goal.serves)
    ]
