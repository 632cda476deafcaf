"""Which clusters get a change of what is served now, and which go on with what they have: pure.

Canaries come first, then the others in the order of filling, a few at a time. A cluster that has
got the change is observed, and either proves it or ends it. What it was before is remembered when
it gets the change, so whoever does badly anyway ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from triton_operator.fleet.failing import Errors
from triton_operator.fleet.update_judgement import Expected, Level, worsening


@dataclass(frozen=True)
class Candidate:
    """A cluster that has a work.

    - `is_updated`: its work has what is wanted. `is_recorded`: that was so when the hub wrote its
      memory down last, so it is no start that the memory does not know.
    - `is_heard`: it is Connected. `is_passed_over`: it is Lost, or an administrator keeps it as it
      is, so nobody waits for it.
    - `revision` of its work, and the one that is in force there.
    - `unsettled`: why not every pod follows what is in force; `unwell`: why it does not serve;
      `stuck`: why pods of that will never be ready, as its operator says. Empty: it is not so.
    """

    name: str
    is_updated: bool
    is_recorded: bool = True
    is_heard: bool = True
    is_passed_over: bool = False
    revision: int = 1
    applied_revision: int | None = None
    unsettled: str = ""
    unwell: str = ""
    stuck: str = ""
    level: Level = field(default_factory=Level)


@dataclass(frozen=True)
class Update:
    """Of a cluster that has got the change: what it was `before`, None: nobody knows; the
    `revision` that brought it; since when it has it, and since when every pod follows it, in
    seconds since the epoch. Replicas come and go after that, and are no reason to begin anew."""

    before: Level | None = None
    revision: int | None = None
    started_at: float | None = None
    settled_at: float | None = None
    is_proven: bool = False


@dataclass(frozen=True)
class RolloutMemory:
    """`wanted`: hash of what is rolled out; `strategy`: of how. `failed`: the cluster that ended
    it; empty: none."""

    wanted: str = ""
    strategy: str = ""
    is_complete: bool = False
    updates: dict[str, Update] = field(default_factory=dict)
    failed: str = ""
    failure: str = ""


@dataclass(frozen=True)
class RolloutSettings:
    """`spec.placement.strategy`, and what the service promises."""

    canaries: tuple[str, ...] = ()
    most: int = 1
    observe_seconds: float = 300.0
    deadline_seconds: float = 1800.0
    expected: Expected = field(default_factory=Expected)


@dataclass(frozen=True)
class Rollout:
    """`admitted`: clusters that may have what is wanted; every other one goes on as it is.
    `admits_new`: so may a cluster that has nothing yet. `waits`: for whom, and why."""

    admitted: frozenset[str]
    admits_new: bool
    started: tuple[str, ...] = ()
    waits: dict[str, str] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()


def roll_out(
    candidates: Sequence[Candidate],
    settings: RolloutSettings,
    memory: RolloutMemory,
    wanted: str,
    strategy: str,
    now: float,
) -> tuple[RolloutMemory, Rollout]:
    """The next memory, and who may have `wanted`. `candidates` in the order of filling."""
    if memory.wanted != wanted:
        memory = _begun(candidates, memory, wanted)
    if memory.strategy != strategy:
        # Whoever changes how it is done wants it tried again.
        memory = replace(memory, strategy=strategy, failed="", failure="", updates=_anew(memory))
    if memory.is_complete:
        return memory, Rollout(frozenset(one.name for one in candidates), admits_new=True)
    memory, waits = _looked_at(candidates, settings, memory, now)
    started = () if memory.failed else _next(candidates, settings, memory, waits)
    updates = {
        **memory.updates,
        **{
            one.name: _started(memory.updates.get(one.name), one.level)
            for one in candidates
            if one.name in started
        },
    }
    has_it = [one.name for one in candidates if one.is_updated]
    everywhere = len(has_it) == len(candidates)
    proven = all(
        one.is_updated and updates[one.name].is_proven
        for one in candidates
        if not one.is_passed_over
    )
    complete = not memory.failed and proven and everywhere and _all_proven(candidates, updates)
    return (
        replace(memory, updates={} if complete else updates, is_complete=complete),
        Rollout(
            admitted=frozenset((*has_it, *started)),
            admits_new=proven and not memory.failed,
            started=started,
            waits=waits,
            passed_over=tuple(
                one.name
                for one in candidates
                if one.is_passed_over and not updates.get(one.name, Update()).is_proven
            ),
        ),
    )


def _begun(candidates: Sequence[Candidate], before: RolloutMemory, wanted: str) -> RolloutMemory:
    """Another change, or back to the former one. What clusters were before a change that was not
    proven counts on: that one's harm is no measure of this one."""
    # Nothing is on its way, as far as anybody knows: a status may be lost, as by a backup.
    is_first = not before.wanted and all(one.is_updated for one in candidates)
    updates = {name: one for name, one in _anew(before).items() if not one.is_proven}
    for one in candidates:
        if is_first or (one.is_updated and one.is_recorded and one.name not in updates):
            # It never got the other one: whoever goes back has nothing to prove.
            updates[one.name] = Update(is_proven=True)
    return RolloutMemory(wanted=wanted, strategy=before.strategy, updates=updates)


def _anew(memory: RolloutMemory) -> dict[str, Update]:
    """Whoever has not proven it begins again."""
    return {
        name: one if one.is_proven else Update(before=one.before)
        for name, one in memory.updates.items()
    }


def _started(known: Update | None, level: Level) -> Update:
    return Update(before=level if known is None or known.before is None else known.before)


def _looked_at(
    candidates: Iterable[Candidate],
    settings: RolloutSettings,
    memory: RolloutMemory,
    now: float,
) -> tuple[RolloutMemory, dict[str, str]]:
    """What those that have it show by now, and whom to wait for."""
    candidates = tuple(candidates)
    others = tuple(
        one.level.errors
        for one in candidates
        if not one.is_updated and one.is_heard and one.level.errors is not None
    )
    updates, waits = dict(memory.updates), {}
    names = set()
    failed, failure = memory.failed, memory.failure
    for one in candidates:
        names.add(one.name)
        if not one.is_updated:
            continue
        known = updates.get(one.name, Update())
        update, told, problem = _look(one, known, settings, now, others)
        updates[one.name] = update
        if told and not one.is_passed_over:
            waits[one.name] = told
        if problem and not failed:
            failed, failure = one.name, problem
    kept = {name: update for name, update in updates.items() if name in names}
    return replace(memory, updates=kept, failed=failed, failure=failure), waits


def _look(
    one: Candidate,
    update: Update,
    settings: RolloutSettings,
    now: float,
    others: Sequence[Errors],
) -> tuple[Update, str, str]:
    """What is known of it then, what it waits for, and why it ends everything."""
    if update.is_proven:
        return update, one.unwell, ""
    if not one.is_heard or one.is_passed_over:
        # Its time begins again when it is back: nobody has seen what it did meanwhile.
        return replace(update, started_at=None, settled_at=None), "is not heard of", ""
    started = now if update.started_at is None else update.started_at
    revision = one.revision if update.revision is None else update.revision
    update = replace(update, started_at=started, revision=revision)
    if one.stuck:
        return update, one.stuck, one.stuck
    if update.settled_at is None:
        waits = _unsettled(one, revision)
        if waits:
            return update, waits, _late(waits, now - started, settings.deadline_seconds)
        update = replace(update, settled_at=now)
    served = now - (now if update.settled_at is None else update.settled_at)
    if served < settings.observe_seconds:
        return update, f"is observed for {settings.observe_seconds:.0f} s", ""
    waits = one.unwell or _untold(one.level, update.before)
    if waits:
        patience = max(settings.observe_seconds, settings.deadline_seconds)
        return update, waits, _late(waits, served, patience)
    worse = worsening(one.level, update.before, settings.expected, others)
    return replace(update, is_proven=not worse), worse, worse


def _unsettled(one: Candidate, revision: int) -> str:
    if (one.applied_revision or 0) < revision:
        told = f"has applied revision {one.applied_revision or 0}, not {revision}"
        return one.unsettled or told
    return one.unsettled or one.unwell


def _late(waits: str, seconds: float, patience: float) -> str:
    return f"not so after {patience:.0f} s: {waits}" if seconds >= patience else ""


def _untold(level: Level, before: Level | None) -> str:
    """Numbers that were told before and are not now: silence is no proof."""
    if before is None or level.arrivals == 0.0:
        return ""
    if before.attainment is not None and level.attainment is None:
        return "does not tell how many requests are within the objective, as it did before"
    if before.errors is not None and level.errors is None:
        return "does not tell how many requests fail, as it did before"
    return ""


def _next(
    candidates: Sequence[Candidate],
    settings: RolloutSettings,
    memory: RolloutMemory,
    waits: dict[str, str],
) -> tuple[str, ...]:
    """Who gets it now. None where one that has proven it serves no more."""
    by_name = {one.name: one for one in candidates}
    updates = memory.updates
    under_way = 0
    for one in candidates:
        if not one.is_updated or one.is_passed_over:
            continue
        if not updates[one.name].is_proven:
            under_way += 1
        elif one.name in waits:
            return ()
    first = [by_name[name] for name in settings.canaries if name in by_name]
    open_canaries = [
        one
        for one in first
        if not one.is_passed_over and not (one.is_updated and updates[one.name].is_proven)
    ]
    asked = open_canaries or [one for one in candidates if one not in first]
    if not open_canaries:
        # A canary that was lost meanwhile comes when it is back, before the others.
        asked = [*first, *asked]
    ready = [
        one.name for one in asked if not one.is_updated and one.is_heard and not one.is_passed_over
    ]
    return tuple(ready[: max(0, settings.most - under_way)])


def _all_proven(candidates: Iterable[Candidate], updates: dict[str, Update]) -> bool:
    return all(updates[one.name].is_proven for one in candidates)
