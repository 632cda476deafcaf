"""`triton-operator replay`: a decision log through the core again, as figures and as a plot."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from triton_operator.cli.exit_codes import FAILED, INVALID, OK
from triton_operator.cli.output import OUTPUT, Output, print_documents, print_error, print_lines

if TYPE_CHECKING:
    from triton_operator.autoscaling.replay import Step, TargetChange


@dataclass(frozen=True)
class Outcome:
    """A log replayed. `other_settings`: there is nothing to compare with what was decided then."""

    name: str
    steps: "list[Step]"
    changes: "list[TargetChange]"
    other_settings: tuple[str, ...]
    cut_off: int | None = None

    @property
    def different(self) -> "list[Step]":
        """What is decided otherwise than it was then."""
        return [step for step in self.steps if step.difference]

    @property
    def is_same(self) -> bool:
        """Whether the core decides as it did, or was told to decide otherwise."""
        return bool(self.other_settings) or not self.different


def replay(
    file: Path = typer.Argument(
        ..., metavar="DECISIONS.jsonl", help="What `decisions` exported; - is standard input."
    ),
    plot: Path | None = typer.Option(
        None, help="Draw it: FILE.svg, or FILE.html with a table of all changes."
    ),
    output: Output = OUTPUT,
    settings: list[str] = typer.Option(
        [],
        "--set",
        metavar="NAME=VALUE",
        help="Decide with another setting: prefer=Latency, attainment=99.9, least=2, most=20, "
        "objective=150ms; may be repeated. What was seen stays as it was, so that it shows single "
        "decisions, not how the service would have fared.",
    ),
) -> None:
    """Decide again on all that is in a decision log.

    It says whether it comes out the same. Needs no cluster. Exit codes: 0 every decision is as it
    was, or --set asked for others; 1 some decision is not; 2 wrong input.
    """
    from triton_operator.autoscaling.decision_record import UnreadableRecord
    from triton_operator.autoscaling.replay import CannotReplay, replayed, target_changes
    from triton_operator.cli.decision_file import DecisionFile
    from triton_operator.cli.replay_page import page
    from triton_operator.cli.replay_plot import plot_of
    from triton_operator.cli.replay_settings import changed_settings

    if plot is not None and plot.suffix not in (".svg", ".html"):
        raise typer.BadParameter(f"{plot}: FILE.svg or FILE.html is wanted", param_hint="--plot")
    change = changed_settings(settings)
    log = DecisionFile(file)
    try:
        steps = list(replayed(log.records(), change))
    except (UnreadableRecord, CannotReplay, OSError) as error:
        print_error(str(error))
        raise typer.Exit(INVALID) from error
    if not steps:
        print_error(f"{file}: no decision in it")
        raise typer.Exit(INVALID)
    changes = list(target_changes(steps))
    outcome = Outcome(file.name, steps, changes, tuple(settings), log.cut_off)
    if plot is not None:
        drawing = plot_of(steps, changes, file.name, settings)
        text = drawing if plot.suffix == ".svg" else page(drawing, outcome)
        try:
            plot.write_text(text, encoding="utf-8")
        except OSError as error:
            print_error(str(error))
            raise typer.Exit(INVALID) from error
    if output is Output.TABLE:
        _print(outcome, plot)
    else:
        print_documents([_document(outcome)], output)
    raise typer.Exit(OK if outcome.is_same else FAILED)


def summary_lines(outcome: Outcome) -> list[str]:
    """What was replayed and how it came out, for people."""
    from triton_operator.cli.log_summary import head_lines, moment

    steps = outcome.steps
    lines = head_lines(outcome.name, steps)
    if outcome.cut_off:
        lines.append(f"line {outcome.cut_off} is cut off and left out: the export broke off there")
    different = outcome.different
    if outcome.other_settings:
        targets = sum(step.decision.target != step.record.decision.target for step in steps)
        lines.append(
            f"decided with {', '.join(outcome.other_settings)}: {targets} of {len(steps)} "
            "decisions are for another number of replicas than then"
        )
        lines.append(
            "open loop: each decision is on what was seen with the replicas of then, so this is "
            "not how the service would have fared"
        )
    elif different:
        first = different[0]
        lines.append(
            f"NOT THE SAME: {len(different)} of {len(steps)} decisions; the first in line "
            f"{first.line}, {moment(first)}: {first.difference}"
        )
        lines.append("another version of the core wrote the log, or lines of it are missing")
    else:
        lines.append("the same: every decision comes out as it did then")
    return lines


def _print(outcome: Outcome, plot: Path | None) -> None:
    from triton_operator.cli.log_summary import print_changes

    print_lines([*summary_lines(outcome), ""])
    print_changes(outcome.changes, "`-o json` has all")
    if plot is not None:
        print_lines(["", f"plot: {plot}"])


def _document(outcome: Outcome) -> dict[str, Any]:
    from triton_operator.cli.log_summary import arrivals_per_second, moment, settings_document

    steps = outcome.steps
    first = next(iter(outcome.different), None)
    return {
        "decisions": len(steps),
        "runs": sum(step.starts_run for step in steps),
        "from": moment(steps[0]),
        "to": moment(steps[-1]),
        "settings": settings_document(steps),
        "set": list(outcome.other_settings),
        "openLoop": bool(outcome.other_settings),
        "cutOffLine": outcome.cut_off,
        "different": len(outcome.different),
        "firstDifference": first
        and {"line": first.line, "time": moment(first), "message": first.difference},
        "changes": [
            {
                "line": one.step.line,
                "time": moment(one.step),
                "from": one.before,
                "to": one.after,
                "toThen": one.step.record.decision.target,
                "ready": one.step.record.observation.ready,
                "arrivalsPerSecond": arrivals_per_second(one.step),
                "reasons": [
                    {"reason": str(reason.why), "message": reason.sentence}
                    for reason in one.step.decision.reasons
                ],
            }
            for one in outcome.changes
        ],
    }
