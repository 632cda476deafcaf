"""What is drawn of a replayed log: values over time, in pieces without a gap."""

from collections.abc import Callable, Sequence
from itertools import groupby

from triton_operator.autoscaling.replay import Step

COLUMNS = 400
"""Means are taken over so many parts of the time at most."""
BREAK_TICKS = 10
"""A longer silence is a gap in the lines."""

Value = Callable[[Step], float | None]
Piece = Sequence[tuple[float, float]]


def unbroken(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps without a gap between them."""
    pieces: list[list[Step]] = []
    for step in steps:
        if pieces and not step.starts_run:
            gap = step.record.time - pieces[-1][-1].record.time
            if 0 <= gap <= BREAK_TICKS * max(1.0, step.record.tick_seconds):
                pieces[-1].append(step)
                continue
        pieces.append([step])
    return pieces


def window_seconds(steps: Sequence[Step]) -> float:
    """Seconds that a mean is taken over: about `COLUMNS` of them, and no less than a few looks."""
    times = [step.record.time for step in steps]
    least = max(5.0, 3 * steps[-1].record.tick_seconds)
    wanted = max(least, (max(times) - min(times)) / COLUMNS)
    return next((w for w in (5, 10, 15, 30, 60, 300, 900, 3600) if w >= wanted), 86400.0)


def known_values(pieces: Sequence[Sequence[Step]], value: Value) -> list[list[tuple[float, float]]]:
    """The values that are known, with a new piece after each that is not."""
    found: list[list[tuple[float, float]]] = []
    for piece in pieces:
        for known, group in groupby(piece, key=lambda step: value(step) is not None):
            if known:
                found.append([(step.record.time, value(step) or 0.0) for step in group])
    return found


def means(
    pieces: Sequence[Sequence[Step]], window: float, above: Value, below: Value
) -> list[list[tuple[float, float]]]:
    """Sums of one over sums of the other, in windows of so many seconds."""
    found = []
    for piece in pieces:
        points = []
        for start, group in groupby(piece, key=lambda step: step.record.time // window):
            pairs = [(above(step), below(step)) for step in group]
            known = [(one, other) for one, other in pairs if one is not None and other is not None]
            whole = sum(other for _, other in known)
            if whole > 0:
                points.append(((start + 0.5) * window, sum(one for one, _ in known) / whole))
        first, last = piece[0].record.time, piece[-1].record.time
        found.append([(min(max(x, first), last), y) for x, y in points])
    return found


def arrivals(step: Step) -> float | None:
    """Requests that came since the look before."""
    traffic = step.record.observation.traffic
    return None if traffic is None else max(0.0, traffic.arrivals)


def seconds(step: Step) -> float | None:
    """How long that was."""
    traffic = step.record.observation.traffic
    return None if traffic is None else max(1e-3, traffic.interval_seconds)


def within_percent(step: Step) -> float | None:
    """100 for each request that was answered within the objective."""
    traffic = step.record.observation.traffic
    within = None if traffic is None else traffic.within_objective
    return None if within is None else 100 * within


def answered(step: Step) -> float | None:
    """Requests that were answered."""
    traffic = step.record.observation.traffic
    return None if traffic is None else traffic.answered


def capacity(step: Step) -> float | None:
    """Requests/s that the ready replicas take within the objective."""
    safe = step.decision.safe_rate
    return None if safe is None else safe * step.record.observation.ready


def demand_judged(step: Step) -> float | None:
    """Requests/s as the core takes them to be."""
    return step.decision.rate


def ready(step: Step) -> float:
    """Replicas that get requests."""
    return step.record.observation.ready


def ordered(step: Step) -> float:
    """Replicas that are there or on their way."""
    return step.record.observation.ordered


def target(step: Step) -> float:
    """Replicas that there should be."""
    return step.decision.target


def target_then(step: Step) -> float:
    """Those that there should be by the log."""
    return step.record.decision.target


def pending(step: Step) -> float:
    """Requests that wait."""
    return step.record.observation.pending
