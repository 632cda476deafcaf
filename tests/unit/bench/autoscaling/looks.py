"""A view of a fleet that is set up by hand."""

from collections.abc import Callable

from bench.autoscaling.replicas import (
    COMPLETED,
    QUEUED,
    READY,
    READY_AT,
    STARTING,
    STATE,
    Fleet,
    new_fleet,
)
from bench.autoscaling.setup import Setup
from bench.autoscaling.view import Starts, View

SECONDS = 2000


def look(
    kind: Callable[[Setup, Fleet, Starts], View] = View,
    *,
    ready: int = 1,
    starting: int = 0,
    per_second: int = 0,
    held: float = 0.0,
    waiting: int = 0,
) -> View:
    """So many replicas, answers per second, requests held by all and waiting in each ready one."""
    fleet = new_fleet(ready + starting + 1, SECONDS, 1)
    fleet.counts[:ready, STATE] = READY
    fleet.counts[:ready, QUEUED] = waiting
    fleet.counts[ready : ready + starting, STATE] = STARTING
    fleet.numbers[:, READY_AT] = 0.0
    fleet.seconds[COMPLETED, :] = per_second
    view = kind(Setup(), fleet, {})
    view.areas = [held * second for second in range(SECONDS)]
    return view


def at(view: View, now: float) -> View:
    """The same view, later."""
    view.now = now
    return view


def pass_time(view: View, now: int) -> View:
    """The same view, with every second until then recorded."""
    areas = view.areas
    for second in range(int(view.now) + 1, now + 1):
        view.now = float(second)
        view.record()
    view.areas = areas[:SECONDS]
    return view
