"""The findings as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from bench.autoscaling.decision_cost import DecisionCost
from bench.autoscaling.faults import FAULTS
from bench.autoscaling.findings import OURS, Findings, aims
from bench.autoscaling.grid import FAMILIES
from bench.autoscaling.summary import Outcome

COLUMNS = (
    "attainment",
    "cost",
    "bad min.",
    "worst min.",
    "actions",
    "churn",
    "reversals/h",
    "backlog s",
)


def print_tables(console: Console, found: Findings) -> None:
    """The whole suite first, then each trace, comparisons, faults, and the aims."""
    console.print(_suite(found))
    console.print(_matrix(found))
    for trace in [*found.suite, *found.extras]:
        console.print(_trace(found, trace))
    if OURS in found.policies:
        console.print(_against(found))
        console.print(_tuned(found))
    if found.faulty:
        console.print(_faults(found))
    if held := aims(found):
        rows = [(aim.text, aim.result, "met" if aim.met else "MISSED") for aim in held]
        console.print(_table("Aims", ("aim", "result", ""), rows))
    if found.decision.warm_p99 is not None:
        console.print(_decision(found.decision))


def _decision(cost: DecisionCost) -> str:
    counted = cost.line()
    words = f"One decision of ours: {cost.warm_p99:g} ms of CPU time at p99 ({counted['warm']:,})"
    if cost.slowest_cold is None:
        return words
    return (
        f"{words}, and {cost.slowest_cold:g} ms the slowest of those that solved the queue of a "
        f"service curve first ({counted['cold']:,})"
    )


def _table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row)
    return table


def _setting(policy: str, setting: float) -> str:
    family = FAMILIES[policy]
    return family.unit if len(family.settings) == 1 else f"{setting:g} {family.unit}"


def _cells(point: Outcome) -> tuple[str, ...]:
    return (
        f"{point.attainment:.4f}",
        f"{point.cost:.3f}",
        f"{point.bad_minutes:.3f}",
        f"{point.worst_minute:.3f}",
        f"{point.actions:.0f}",
        f"{point.churn:.0f}",
        f"{point.reversals_per_hour:.1f}",
        f"{point.clear_seconds:.0f}",
    )


def _suite(found: Findings) -> Table:
    rows = [
        (
            policy,
            _setting(policy, found.setting(policy)),
            *_cells(found.in_the_mean(policy)),
        )
        for policy in found.policies
    ]
    seen = [found.clairvoyants[trace].attainment for trace in found.suite]
    rows.append(("clairvoyant", "", f"{sum(seen) / len(seen):.4f}", "1.000", *("",) * 6))
    title = f"Mean over {len(found.suite)} traces, each policy at its best single setting"
    if found.rejects:
        title += "; what is too late is rejected"
    return _table(title, ("policy", "setting", *COLUMNS), rows)


def _matrix(found: Findings) -> Table:
    traces = [*found.suite, *found.extras]
    rows = []
    for trace in traces:
        points = [found.outcomes(policy).get(trace) for policy in found.policies]
        cells = (f"{p.attainment:.3f}/{p.cost:.2f}" if p else "" for p in points)
        rows.append((trace, *cells, f"{found.clairvoyants[trace].attainment:.3f}/1"))
    title = "Attainment/cost by trace (cost in replica-seconds of the clairvoyant)"
    return _table(title, ("trace", *found.policies, "clairvoyant"), rows)


def _trace(found: Findings, trace: str) -> Table:
    rows = [
        (policy, *_cells(found.outcomes(policy)[trace]))
        for policy in found.policies
        if trace in found.outcomes(policy)
    ]
    return _table(trace, ("policy", *COLUMNS), rows)


def _against(found: Findings) -> Table:
    rows = []
    for opponent in found.policies:
        if opponent == OURS:
            continue
        ratios = found.against(opponent)
        cells = ("cannot" if ratio is None else f"{ratio:.3f}" for ratio in ratios)
        both = found.in_the_mean(OURS).cost / found.in_the_mean(opponent).cost
        more = found.in_the_mean(OURS).attainment - found.in_the_mean(opponent).attainment
        rows.append((opponent, *cells, f"{both:.3f}", f"{100 * more:+.2f}"))
    columns = (
        "opponent",
        "at our attainment (theirs interpolated)",
        "at its attainment (ours interpolated)",
        "as they are",
        "our attainment, points more",
    )
    return _table("Our replica-seconds over the opponent's; cannot: out of reach", columns, rows)


def _tuned(found: Findings) -> Table:
    rows = []
    for trace in found.suite:
        ours, tuned = found.outcomes(OURS)[trace], found.tuned_for(trace)
        constant = found.tuned_for(trace, constant=True)
        peak = "" if constant is None else f"{constant[1].cost:.3f}"
        if tuned is None:
            rows.append((trace, f"{ours.cost:.3f}", "nobody", "", "", peak))
            continue
        (policy, setting), theirs = tuned
        rows.append(
            (
                trace,
                f"{ours.cost:.3f}",
                f"{policy} {_setting(policy, setting)}",
                f"{theirs.cost:.3f}",
                f"{ours.cost / theirs.cost:.3f}",
                peak,
            )
        )
    title = "The cheapest opponent tuned for one trace that does as well as ours there"
    return _table(title, ("trace", "ours", "opponent", "its cost", "ours/its", "static peak"), rows)


def _faults(found: Findings) -> Table:
    rows = []
    for policy in found.policies:
        cells = []
        for name in FAULTS:
            seen = found.faulty[policy, name]
            cell = f"{seen.attainment:.3f}/{seen.cost:.2f}"
            cells.append(cell if seen.removed is None else f"{cell} −{seen.removed:g}")
        removed = found.replicas_removed(policy)
        rows.append((policy, *cells, "" if removed is None else f"{removed:g}"))
    title = "Faults: attainment/cost, and replicas removed while metrics were wrong"
    return _table(title, ("policy", *FAULTS, "removed"), rows)
