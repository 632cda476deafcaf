"""Which variant of a service is served: rules with two limits and a dwell, no learning.

Less accurate at once, when the objective was missed in three windows in a row and one is predicted
to keep `DOWN_WITHIN` of it; more accurate after the dwell, when that one is predicted to keep
`UP_WITHIN` of it. Between the limits nothing changes, so that a choice does not undo itself. While
pods of two variants serve, nothing is told of either, and nothing changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from triton_operator.api.variants import PRIMARY
from triton_operator.autoscaling.variant_reasons import VariantReason, VariantWhy, because

DOWN_WITHIN = 0.8
UP_WITHIN = 0.6
"""Of the objective. What lies between them is the room that a change of the load has."""
WINDOW_SECONDS = 60.0
WINDOWS = 3
"""In a row, in which the objective is missed."""
FORGOTTEN_SECONDS = 3 * WINDOW_SECONDS
"""A window that was missed longer ago than that is not in a row with the one of now."""


@dataclass(frozen=True)
class Candidate:
    """A variant that could be served.

    `accuracy` as declared; infinite: it counts as the most accurate. `seconds` is its latency at
    the load of now, infinite where its queue would only grow; None: not known. `able`: it can be
    served, its model being known, and planned for.
    """

    name: str
    accuracy: float
    seconds: float | None = None
    able: bool = True


@dataclass(frozen=True)
class ChoiceSettings:
    """`by_objective`: the load chooses; else the primary is served. `fallback` is served while the
    link is cut; None: whatever is served goes on."""

    objective_seconds: float
    by_objective: bool = False
    dwell_seconds: float = 600.0
    fallback: str | None = None


@dataclass(frozen=True)
class Look:
    """What is seen at `now` (seconds since the epoch).

    `candidates` in the order of the spec, the primary first; of equally accurate ones the first
    counts as better. `late`: whether what serves misses the objective; None: not known.
    `silent_seconds`: how long the hub has not answered, where that counts as a cut link.
    """

    now: float
    candidates: tuple[Candidate, ...]
    rolling: bool
    late: bool | None = None
    silent_seconds: float | None = None


@dataclass(frozen=True)
class ChoiceMemory:
    """The variant that was chosen, and why; times in seconds since the epoch.

    `serving_since`: since when all pods run it; None: they do not yet. `missed` windows in a row,
    the last of them at `missed_at`.
    """

    name: str
    since: float
    reason: VariantWhy
    serving_since: float | None = None
    missed: int = 0
    missed_at: float | None = None


@dataclass(frozen=True)
class Choice:
    """`why`: of the variant that is in `memory`, where that is another one than before, or is
    served for another reason; None: both stay. `holding`: what keeps one from being served that
    would be wanted."""

    memory: ChoiceMemory
    why: VariantReason | None = None
    holding: VariantReason | None = None


def choose(settings: ChoiceSettings, look: Look, memory: ChoiceMemory | None) -> Choice:
    """The choice after one look. The same input has the same answer."""
    if memory is None:
        first = because(VariantWhy.AS_SPECIFIED, {})
        return Choice(ChoiceMemory(PRIMARY, look.now, first.why), first)
    memory = _as_seen(memory, look)
    known = {one.name: one for one in look.candidates}
    if memory.name not in known:
        # Its model is not in the spec any more, so it cannot go on whatever else is so.
        return _to(_begun_with(settings, look), VariantWhy.VARIANT_REMOVED, look, memory)
    fallback = known.get(settings.fallback or "")
    if fallback is not None and look.silent_seconds is not None:
        return _for_the_cut(fallback, look, look.silent_seconds, memory)
    if memory.reason is VariantWhy.LINK_LOST:
        return _to_if_able(_begun_with(settings, look), VariantWhy.LINK_BACK, look, memory)
    if not settings.by_objective:
        if memory.name == PRIMARY:
            return Choice(memory)
        return _to_if_able(known[PRIMARY], VariantWhy.AS_SPECIFIED, look, memory)
    if look.rolling:
        return Choice(memory)
    return _by_objective(settings, look, known[memory.name], memory)


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The most accurate first; of equals the one that the spec names first."""
    return sorted(candidates, key=lambda one: -one.accuracy)


def _as_seen(memory: ChoiceMemory, look: Look) -> ChoiceMemory:
    """The memory with what the rollout says; a clock that was put back makes nobody wait longer."""
    memory = replace(memory, since=min(memory.since, look.now))
    if look.rolling:
        return replace(memory, serving_since=None, missed=0, missed_at=None)
    since = look.now if memory.serving_since is None else min(memory.serving_since, look.now)
    return replace(memory, serving_since=since)


def _begun_with(settings: ChoiceSettings, look: Look) -> Candidate:
    """What is served where nothing that came before says: the most accurate that is not known to
    be too slow. Where all are known to be, the primary: the next windows tell."""
    primary = next(one for one in look.candidates if one.name == PRIMARY)
    if not settings.by_objective:
        return primary
    limit = DOWN_WITHIN * settings.objective_seconds
    for one in ranked(look.candidates):
        if one.able and (one.seconds is None or one.seconds <= limit):
            return one
    return primary


def _for_the_cut(
    fallback: Candidate, look: Look, silent_seconds: float, memory: ChoiceMemory
) -> Choice:
    """Whatever is rolled out: a rollout may wait for what only the hub's side has."""
    if memory.name == fallback.name:
        return Choice(memory)
    if not fallback.able:
        return Choice(memory, holding=_cannot(fallback))
    names = {"after": fallback.name}
    reason = because(VariantWhy.LINK_LOST, names, silent=silent_seconds)
    return _changed(fallback, reason, look)


def _by_objective(
    settings: ChoiceSettings, look: Look, served: Candidate, memory: ChoiceMemory
) -> Choice:
    memory = _with_window(memory, look)
    order = ranked(look.candidates)
    place = order.index(served)
    objective = settings.objective_seconds
    if look.late and memory.missed >= WINDOWS:
        limit = DOWN_WITHIN * objective
        if below := _first_within(order[place + 1 :], limit):
            return _changed(
                below,
                because(
                    VariantWhy.OBJECTIVE_MISSED,
                    {"before": served.name, "after": below.name},
                    objective=1000 * objective,
                    windows=WINDOWS * WINDOW_SECONDS / 60,
                    predicted=1000 * (below.seconds or 0.0),
                    limit=1000 * limit,
                ),
                look,
            )
        none = because(VariantWhy.NONE_FITS, {}, objective=1000 * objective, limit=1000 * limit)
        return Choice(memory, holding=none)
    if look.late is not False:
        return Choice(memory)
    limit = UP_WITHIN * objective
    better = _first_within(order[:place], limit)
    if better is None:
        return Choice(memory)
    passed = look.now - memory.since
    if passed < settings.dwell_seconds:
        left = settings.dwell_seconds - passed
        return Choice(
            memory, holding=because(VariantWhy.DWELLING, {"after": better.name}, left=left)
        )
    return _changed(
        better,
        because(
            VariantWhy.ROOM_FOR_BETTER,
            {"after": better.name},
            predicted=1000 * (better.seconds or 0.0),
            limit=1000 * limit,
            passed=passed,
        ),
        look,
    )


def _with_window(memory: ChoiceMemory, look: Look) -> ChoiceMemory:
    """One window more that was missed, or none any more. Not to know is neither."""
    if look.late is None:
        return memory
    if not look.late:
        return replace(memory, missed=0, missed_at=None)
    last = -math.inf if memory.missed_at is None else memory.missed_at
    if 0 <= look.now - last < WINDOW_SECONDS:
        return memory
    in_a_row = 0 <= look.now - last <= FORGOTTEN_SECONDS
    missed = min(WINDOWS, memory.missed + 1) if in_a_row else 1
    return replace(memory, missed=missed, missed_at=look.now)


def _first_within(order: Sequence[Candidate], limit: float) -> Candidate | None:
    return next(
        (one for one in order if one.able and one.seconds is not None and one.seconds <= limit),
        None,
    )


def _to_if_able(wanted: Candidate, why: VariantWhy, look: Look, memory: ChoiceMemory) -> Choice:
    if memory.name == wanted.name:
        return Choice(replace(memory, reason=why), _because(wanted, why, memory))
    if not wanted.able:
        return Choice(memory, holding=_cannot(wanted))
    return _to(wanted, why, look, memory)


def _to(wanted: Candidate, why: VariantWhy, look: Look, memory: ChoiceMemory) -> Choice:
    return _changed(wanted, _because(wanted, why, memory), look)


def _because(wanted: Candidate, why: VariantWhy, memory: ChoiceMemory) -> VariantReason:
    return because(why, {"before": memory.name, "after": wanted.name})


def _cannot(wanted: Candidate) -> VariantReason:
    return because(VariantWhy.CANNOT_BE_SERVED, {"after": wanted.name})


def _changed(wanted: Candidate, reason: VariantReason, look: Look) -> Choice:
    return Choice(ChoiceMemory(wanted.name, look.now, reason.why), reason)
