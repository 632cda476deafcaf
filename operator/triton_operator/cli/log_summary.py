"""What a decision log says, for `decisions` and `replay`: its runs, settings and changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from triton_operator.autoscaling.replay import Step, TargetChange
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.cli.output import print_lines, print_table
from triton_operator.controllers.times import rfc3339
from triton_operator.planning.figures import figure

COLUMNS = ("TIME", "REPLICAS", "READY", "ARRIVALS/S", "MESSAGE")
MOST_CHANGES = 100
"""In the table; JSON and HTML have all."""
MOST_STRETCHES = 10
"""The newest; on several pools, the most replicas change with how fast each pool is."""


@dataclass(frozen=True)
class Stretch:
    """Steps in a row with the same settings."""

    settings: ScalingSettings
    first: Step
    last: Step

    @property
    def words(self) -> str:
        """The settings, for people."""
        return _words(self.settings)


def stretches(steps: Sequence[Step]) -> list[Stretch]:
    """The settings one after another, as far as their words differ."""
    found = []
    for _, group in groupby(steps, key=lambda step: _words(step.settings)):
        same = list(group)
        found.append(Stretch(same[-1].settings, same[0], same[-1]))
    return found


def head_lines(name: str, steps: Sequence[Step]) -> list[str]:
    """How many decisions, in how many runs of the operator, when, and with which settings."""
    runs = sum(step.starts_run for step in steps)
    return [
        f"{name}: {count(len(steps), 'decision')} in {count(runs, 'run')} of the operator, "
        f"{moment(steps[0])} to {moment(steps[-1])}",
        *_settings_lines(stretches(steps)),
    ]


def print_changes(changes: Sequence[TargetChange], all_of_them: str) -> None:
    """A table of the first changes; `all_of_them` is what shows the rest."""
    if not changes:
        print_lines(["the number of replicas never changed"])
        return
    shown = changes[:MOST_CHANGES]
    title = count(len(changes), "change")
    if len(shown) < len(changes):
        title += f", the first {len(shown)}; {all_of_them}"
    print_table(title, COLUMNS, [change_row(one) for one in shown])


def change_row(change: TargetChange) -> list[str]:
    """One change of the number of replicas, as words."""
    rate = arrivals_per_second(change.step)
    return [
        moment(change.step),
        f"{change.before} -> {change.after}",
        str(change.step.record.observation.ready),
        "-" if rate is None else figure(rate),
        change.step.decision.why,
    ]


def settings_document(steps: Sequence[Step]) -> list[Mapping[str, Any]]:
    """The settings one after another, for machines."""
    return [
        {
            "from": moment(one.first),
            "to": moment(one.last),
            "objectiveMilliseconds": 1000 * one.settings.objective_seconds,
            "percentile": 100 * one.settings.percentile,
            "attainmentPercent": 100 * one.settings.attainment,
            "minReplicas": one.settings.least,
            "maxReplicas": one.settings.most,
            "prefer": str(one.settings.prefer),
        }
        for one in stretches(steps)
    ]


def moment(step: Step) -> str:
    """When a step was, in UTC."""
    return rfc3339(step.record.time)


def arrivals_per_second(step: Step) -> float | None:
    """Requests/s between this look and the one before."""
    traffic = step.record.observation.traffic
    return None if traffic is None else traffic.arrivals / max(1e-3, traffic.interval_seconds)


def count(number: int, word: str) -> str:
    """1 change, 2,000 changes."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _settings_lines(found: Sequence[Stretch]) -> Iterator[str]:
    *before, last = found
    if not before:
        yield f"settings: {last.words}"
        return
    shown = found[-MOST_STRETCHES:]
    first = f", the last {len(shown)} of them" if len(shown) < len(found) else ""
    yield f"settings, which changed {count(len(before), 'time')}{first}:"
    yield from (f"  from {moment(one.first)}: {one.words}" for one in shown)


def _words(settings: ScalingSettings) -> str:
    return (
        f"objective {1000 * settings.objective_seconds:g} ms for "
        f"{100 * settings.percentile:g} % of requests, attainment {100 * settings.attainment:g} %, "
        f"{settings.least} to {settings.most} replicas, prefer {settings.prefer}"
    )
