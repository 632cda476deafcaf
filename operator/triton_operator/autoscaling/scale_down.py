"""When replicas go: later than they could, by the ski-rental rule, and not all at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from triton_operator.autoscaling.reasons import Reason, Why, reason
from triton_operator.autoscaling.state import ScalingState

LARGEST_STEP = 0.34
"""Of the replicas at once: halving them takes two decisions."""
LEAST_WINDOW_SECONDS = 30.0
TURNS = 4
TURNS_WITHIN_LEADS = 10.0
DAMPED_FOR_LEADS = 30.0
DAMPED_FACTOR = 2.0
SMALL_STEP = 0.1
FORGOTTEN_SECONDS = 900.0


@dataclass(frozen=True)
class Descent:
    """How many stay, and why more than were wanted."""

    replicas: int
    reasons: tuple[Reason, ...] = ()


def window_seconds(lead_seconds: float) -> float:
    """How long a replica that is not wanted stays: as long as it would take to start it again.

    Keeping it costs as much then as a start would have: never more than twice what somebody who
    knew the future would have paid (ski rental).
    """
    return max(LEAST_WINDOW_SECONDS, lead_seconds)


def descend(state: ScalingState, now: float, lead_seconds: float, ordered: int) -> Descent:
    """How many of `ordered` replicas stay, where the newest of `state.wants` is fewer.

    What was wanted within the window for lasting demand is kept. Where the direction changes over
    and over, small steps down wait twice as long; what a burst has left behind does not.
    """
    window = window_seconds(lead_seconds)
    wanted = state.wants[-1][1]
    kept = max(wanted, _most_lasting(state, now - window))
    reasons: list[Reason] = []
    since = state.watching_since
    if since is None or now - since < window:
        # What was wanted before nobody knows, as after a restart.
        kept = ordered
    if kept > wanted:
        reasons.append(reason(Why.KEPT, wanted=wanted, kept=min(kept, ordered), window=window))
    if now < state.damped_until:
        earlier = _most_lasting(state, now - DAMPED_FACTOR * window)
        damped = max(kept, min(earlier, kept + max(1, int(kept * SMALL_STEP))))
        if damped > kept:
            reasons.append(reason(Why.DAMPED, turns=len(state.turns), factor=DAMPED_FACTOR))
        kept = damped
    step = int(ordered * (1 - LARGEST_STEP))
    if step > kept:
        reasons.append(reason(Why.STEP_LIMITED, ordered=ordered))
    return Descent(min(ordered, max(kept, step)), tuple(reasons))


def _most_lasting(state: ScalingState, since: float) -> int:
    return max((standing for time, _, standing in state.wants if time > since), default=0)


def with_want(state: ScalingState, now: float, wanted: int, standing: int) -> ScalingState:
    """The state that remembers what was wanted now, and how many of these for lasting demand."""
    kept = tuple(row for row in state.wants if row[0] > now - FORGOTTEN_SECONDS)
    return replace(state, wants=(*kept, (now, wanted, standing)))


def with_target(
    state: ScalingState, now: float, lead_seconds: float, ordered: int, target: int
) -> ScalingState:
    """The state after a decision; directions that change too often make scaling down wait."""
    # A row holds until the next one: the last that began before the window was in force in it.
    before = sum(row[0] <= now - FORGOTTEN_SECONDS for row in state.targets)
    targets = state.targets[max(0, before - 1) :]
    if not targets or targets[-1][1] != target:
        targets = (*targets, (now, target))
    state = replace(state, targets=targets)
    direction = (target > ordered) - (target < ordered)
    if not direction or direction == state.direction:
        return state
    turns = tuple(time for time in state.turns if time > now - TURNS_WITHIN_LEADS * lead_seconds)
    if state.direction:
        turns = (*turns, now)
    until = state.damped_until
    if len(turns) > TURNS:
        until = now + DAMPED_FOR_LEADS * lead_seconds
    return replace(state, turns=turns, direction=direction, damped_until=until)
