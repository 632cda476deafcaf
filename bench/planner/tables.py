"""The findings as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.planner.findings import Case, Report, aims


def print_tables(console: Console, reports: Sequence[Report]) -> None:
    """Rates, then what they cost, then the aims: losses as plainly as wins."""
    rates = _table(
        "Requests/s at which the 99th percentile keeps the objective",
        "model",
        "objective",
        "best found",
        "by",
        "planner",
        "by",
        "of best",
        "promised",
        "Triton's defaults",
        "of best",
        "",
    )
    for report in reports:
        for case in report.cases:
            rates.add_row(*_case(report, case))
    console.print(rates)
    costs = _table(
        "What it took",
        "model",
        "alone",
        "INT8 copy",
        "held out",
        "planner",
        "seconds",
        "sweep: ways",
        "runs",
        "seconds",
        "share",
        "doubtful",
    )
    for report in reports:
        held = report.held_out_agreement
        costs.add_row(
            report.name,
            f"{report.alone_milliseconds:.3g} ms",
            report.copy,
            "-" if held is None else f"{held:.3f}",
            str(report.timings),
            f"{report.planner_seconds:.0f}",
            str(report.sweep_ways),
            str(report.sweep_runs),
            f"{report.sweep_seconds:.0f}",
            f"{report.share:.3f}",
            str(report.doubtful_runs),
        )
    console.print(costs)
    console.print(_aims(reports))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left")
    return table


def _case(report: Report, case: Case) -> tuple[str, ...]:
    marks = [
        *(["BELOW DEFAULTS"] if case.below_default else []),
        *(["SLOWER COPY ADOPTED"] if case.slower_adoption else []),
        *(["FASTER COPY MISSED"] if case.missed_adoption else []),
        *(["nothing keeps it"] if case.best_rate == 0 else []),
    ]
    return (
        report.name,
        f"{case.milliseconds} ms",
        f"{case.best_rate:.1f}",
        case.best.way,
        f"{case.planner.rate:.1f}",
        case.planner.way,
        _part(case.ratio),
        f"{case.promised:.1f}",
        f"{case.default.rate:.1f}",
        _part(case.default_ratio),
        ", ".join(marks),
    )


def _part(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.3f}"


def _aims(reports: Sequence[Report]) -> Table:
    table = _table("Aims", "aim", "result", "")
    for aim in aims(reports):
        table.add_row(aim.text, aim.result, "met" if aim.met else "MISSED")
    return table
