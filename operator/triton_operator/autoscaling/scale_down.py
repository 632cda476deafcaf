"""When replicas go: later than they could, by the ski-rental rule, and not all at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from triton_operator.autoscaling.reasons import Reason, Why, reason
from triton_operator.autoscaling.state import ScalingState

LARGEST_STEP = 0.34
"""Of the replicas at once: halving them takes two decisions."""
LEAST_WINDOW_SECONDS = 30.0
SMALL_STEP = 0.1
"""Of the replicas, or one of them: keeping it costs little, and a restless number much churn."""
SMALL_FLEET = 4
"""Of up to so many replicas, one is no small part."""
PATIENCE_GROWTH = 4.0
MOST_GROWN = 8
LONGEST_PATIENCE_SECONDS = 3600.0
TURNS_SECONDS = 3600.0
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


def patience_seconds(state: ScalingState, now: float, lead_seconds: float) -> float:
    """How long a small step down waits after all replicas were wanted last.

    Four times as long for each time in the last hour that such a step was taken back, or took one
    back: where demand wavers around a number of replicas, the higher one stays.
    """
    turns = sum(time > now - TURNS_SECONDS for time in state.turns)
    patience = window_seconds(lead_seconds) * PATIENCE_GROWTH ** min(turns, MOST_GROWN)
    return min(LONGEST_PATIENCE_SECONDS, patience)


def descend(state: ScalingState, now: float, lead_seconds: float, ordered: int) -> Descent:
    """How many of `ordered` replicas stay, where the newest of `state.wants` is fewer.

    What was wanted within the window for lasting demand is kept. What a burst has left behind goes
    at once, but for a small step's worth, which stays while there is patience.
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
    patience = patience_seconds(state, now, lead_seconds)
    damped = kept
    if now - state.needed_at < patience and kept >= SMALL_FLEET:
        damped = min(ordered, kept + _small_step(kept))
    step = int(ordered * (1 - LARGEST_STEP))
    if step > damped:
        reasons.append(reason(Why.STEP_LIMITED, ordered=ordered, most=ordered - step))
    elif damped > kept:
        reasons.append(reason(Why.DAMPED, more=damped - kept, seconds=patience))
    kept = damped
    return Descent(min(ordered, max(kept, step)), tuple(reasons))


def _small_step(replicas: int) -> int:
    return max(1, int(replicas * SMALL_STEP))


def _most_lasting(state: ScalingState, since: float) -> int:
    return max((standing for time, _, standing in state.wants if time > since), default=0)


def with_want(
    state: ScalingState, now: float, ordered: int, wanted: int, standing: int
) -> ScalingState:
    """The state that remembers what was wanted now, and how many of these for lasting demand."""
    kept = tuple(row for row in state.wants if row[0] > now - FORGOTTEN_SECONDS)
    needed_at = now if wanted >= ordered else state.needed_at
    return replace(state, wants=(*kept, (now, wanted, standing)), needed_at=needed_at)


def with_target(state: ScalingState, now: float, ordered: int, target: int) -> ScalingState:
    """The state after a decision; small steps that change the direction are remembered."""
    # A row holds until the next one: the last that began before the window was in force in it.
    before = sum(row[0] <= now - FORGOTTEN_SECONDS for row in state.targets)
    targets = state.targets[max(0, before - 1) :]
    if not targets or targets[-1][1] != target:
        targets = (*targets, (now, target))
    state = replace(state, targets=targets)
    direction = (target > ordered) - (target < ordered)
    if not direction:
        return state
    turns = tuple(time for time in state.turns if time > now - TURNS_SECONDS)
    higher, step = max(target, ordered), abs(target - ordered)
    small = higher > SMALL_FLEET and step <= _small_step(higher)
    lately = now - state.stepped_at <= TURNS_SECONDS
    if small and lately and direction == -state.direction:
        turns = (*turns, now)
    return replace(state, turns=turns, direction=direction if small else 0, stepped_at=now)
