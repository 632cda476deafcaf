"""A decision log run through the core again: does it decide today what it decided then?

With the settings of the log, the same core gives the same decisions, and a difference says that
the core has changed or that records are missing. With other settings it tells what would have been
decided on what was seen, in an open loop: other replicas would have been seen to do other things.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from triton_operator.autoscaling.decision import Decision, decide
from triton_operator.autoscaling.decision_record import DecisionRecord
from triton_operator.autoscaling.reasons import Reason
from triton_operator.autoscaling.settings import ScalingSettings

TOLERANCE = 1e-3
"""Of numbers that came out: they are rounded, and processors differ in the last bits."""

Change = Callable[[ScalingSettings], ScalingSettings]


class CannotReplay(ValueError):
    """A record from which nothing can be decided; the text names its line."""


@dataclass(frozen=True)
class Step:
    """A record, in line `line` of its log, and what is decided on it now.

    `starts_run`: an operator began there, or the log does.
    """

    line: int
    record: DecisionRecord
    decision: Decision
    settings: ScalingSettings
    starts_run: bool

    @property
    def difference(self) -> str:
        """What is decided otherwise than it was then, as a sentence; empty: nothing."""
        then, now = self.record.decision, self.decision
        words = [
            ("replicas", str(then.target), str(now.target)),
            ("metrics", then.freshness, now.freshness),
            ("reasons", _kinds(then), _kinds(now)),
        ]
        for name, word, new_word in words:
            if word != new_word:
                return f"{name}: {word} then, {new_word} now"
        pairs = [("rate", then.rate, now.rate), ("safe rate", then.safe_rate, now.safe_rate)]
        for one, other in zip(then.reasons, now.reasons, strict=True):
            pairs += _numbers(one, other)
        return next(
            (
                f"{name}: {_word(before)} then, {_word(after)} now"
                for name, before, after in pairs
                if not _alike(before, after)
            ),
            "",
        )


@dataclass(frozen=True)
class TargetChange:
    """The number of replicas from which, to which, and the step that decided it."""

    step: Step
    before: int
    after: int


def replayed(
    records: Iterable[tuple[int, DecisionRecord]], change: Change = lambda settings: settings
) -> Iterator[Step]:
    """Every record of a log, with its line, decided on again under the settings that `change` makes
    of the recorded ones.

    Raises:
        CannotReplay: the first record has no state, or `decide` cannot cope with one.
    """
    state = None
    for line, record, starts_run in _by_run(records):
        before = record.state or state
        if before is None:
            raise CannotReplay(
                f"line {line}: no state, and none before it: a log begins with a record that has "
                "one; export it again, whole"
            )
        settings = change(record.settings)
        try:
            state, decision = decide(before, record.observation, settings, record.tick_seconds)
        except (ArithmeticError, ValueError, IndexError) as error:
            raise CannotReplay(f"line {line}: nothing can be decided from it: {error}") from error
        yield Step(line, record, decision, settings, starts_run)


def as_recorded(records: Iterable[tuple[int, DecisionRecord]]) -> Iterator[Step]:
    """Every record of a log, with its line, as it was decided then."""
    for line, record, starts_run in _by_run(records):
        yield Step(line, record, record.decision, record.settings, starts_run)


def _by_run(
    records: Iterable[tuple[int, DecisionRecord]],
) -> Iterator[tuple[int, DecisionRecord, bool]]:
    """Lines, records, and whether they are the first of their operator."""
    began: float | None = None
    for line, record in records:
        before = began
        if record.state is not None:
            began = record.time if record.began is None else record.began
        yield line, record, began != before


def target_changes(steps: Iterable[Step]) -> Iterator[TargetChange]:
    """Where the wanted number of replicas changes; where a state is new, from what there was."""
    before: int | None = None
    for step in steps:
        if before is None or step.record.state is not None:
            before = step.record.observation.ordered
        if step.decision.target != before:
            yield TargetChange(step, before, step.decision.target)
        before = step.decision.target


def _kinds(decision: Decision) -> str:
    return ", ".join(one.why for one in decision.reasons) or "none"


def _numbers(then: Reason, now: Reason) -> list[tuple[str, float | None, float | None]]:
    names = sorted(then.numbers.keys() | now.numbers.keys())
    return [
        (f"{name} of {then.why}", then.numbers.get(name), now.numbers.get(name)) for name in names
    ]


def _alike(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _word(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"
