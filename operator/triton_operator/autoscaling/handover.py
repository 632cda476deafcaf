"""From one arrangement to the next: whose pods get requests meanwhile, and which of them stay."""

from __future__ import annotations

import math
from dataclasses import replace

from triton_operator.autoscaling.arrangement import NEARLY, Arrangement
from triton_operator.autoscaling.pool_scene import Scene
from triton_operator.autoscaling.spill_state import SpillState

SETTLING_SECONDS = 10.0
"""Between other pods in a Service and the end of those before: every node has to hear of it."""
MARGIN = 0.1
"""A change that wins less than this is not worth its starts."""


def let_in(state: SpillState, now: float, scene: Scene, goal: Arrangement) -> SpillState:
    """Whose pods get requests from now on: those of the goal as soon as they serve no less.

    Before that, whoever serves most.
    """
    if len({pool.name for pool in scene.pools if pool.ordered} | set(goal.pools)) <= 1:
        alone = None
    else:
        wanted = goal.pools[0] if len(goal.pools) == 1 else None
        serve = scene.options(goal.pools)
        enough = scene.enough(state.alone)
        alone = state.alone
        if serve[wanted] > 0 and serve[wanted] >= enough:
            alone = wanted
        else:
            most = max(serve.values())
            margin = MARGIN if serve[alone] >= enough else NEARLY
            if most > serve[alone] * (1 + margin):
                alone = next(one for one, served in serve.items() if served == most)
    return state if alone == state.alone else replace(state, alone=alone, alone_since=now)


def kept_replicas(state: SpillState, now: float, scene: Scene, goal: Arrangement) -> dict[str, int]:
    """Of each pool's replicas those that are not removed yet."""
    if now - state.alone_since < SETTLING_SECONDS:
        return {pool.name: pool.ready for pool in scene.pools}
    kept = dict.fromkeys((pool.name for pool in scene.pools), 0)
    serving = scene.taking_part(state.alone)
    of_goal = [pool for pool in serving if pool.name in goal.pools]
    if scene.capacity(of_goal) >= scene.enough(state.alone):
        serving = of_goal
    rate = scene.slowest(serving)
    wanted = max(scene.needs.least, math.ceil(scene.needs.rate / rate - NEARLY)) if rate else 0
    left = min(wanted, scene.needs.most)
    stays = {pool.name: min(pool.ready, goal.replicas.get(pool.name, 0)) for pool in serving}
    ready = {pool.name: pool.ready for pool in serving}
    placed = {pool.name: pool.placed for pool in serving}
    rooms = {room.name: room.most for room in scene.rooms}
    left_for_others = [pool for pool in serving if pool not in of_goal and not state.better]
    more_there = {pool.name: rooms[pool.name] for pool in left_for_others}
    # What stays anyway, then what is ready in pools that are left, then what is on its way, then
    # what can still be had there: a start later the others may not be ready yet.
    for bound in (stays, ready, placed, more_there):
        for name, number in bound.items():
            more = int(min(left, max(0, number - kept[name])))
            kept[name] += more
            left -= more
    for pool in scene.pools:
        # While something else may be better, and may be for a moment only.
        if state.better and pool.name in state.arrangement and pool.name not in state.better:
            kept[pool.name] = max(kept[pool.name], pool.placed)
    return kept
