"""The findings as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from rich.console import Console
from rich.table import Table

from bench.fleet.policies import ALONE, NAIVE, OURS
from bench.fleet.simulation import Result

Suite = Mapping[str, Sequence[Result]]
"""Results of each policy, by seed."""
MOST_FLIPS = 10.0
MOST_UNSERVED = 0.25
COLUMNS = (
    "floor changes",
    "flips",
    "worst flips",
    "unserved %",
    "worst %",
    "of it impossible",
    "replica-hours",
    "weight changes",
)


def suite_table(title: str, suite: Suite) -> Table:
    """Means over the seeds, and the worst of them."""
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(("policy", *COLUMNS)):
        table.add_column(column, justify="right" if place else "left", no_wrap=place == 0)
    for policy, results in suite.items():
        table.add_row(policy, *_cells(results, told=policy != ALONE))
    return table


def _cells(results: Sequence[Result], told: bool) -> list[str]:
    bounds = ["", "", ""]
    if told:
        bounds = [
            f"{fmean(one.floor_changes for one in results):.1f}",
            f"{fmean(one.flips for one in results):.1f}",
            f"{max(one.flips for one in results)}",
        ]
    return [
        *bounds,
        f"{fmean(one.unserved_percent for one in results):.3f}",
        f"{max(one.unserved_percent for one in results):.3f}",
        f"{fmean(one.impossible_percent for one in results):.3f}",
        f"{fmean(one.replica_hours for one in results):.1f}",
        f"{fmean(one.weight_changes for one in results):.0f}" if told else "",
    ]


def print_aims(console: Console, suite: Suite, inputs: int, broken: int) -> bool:
    """What was aimed at, and what is better elsewhere; whether all aims are met."""
    ours, naive = suite[OURS], suite[NAIVE]
    flips = fmean(one.flips for one in ours)
    unserved = fmean(one.unserved_percent for one in ours)
    aims = (
        (f"no rule broken by {inputs:,} random inputs", f"{broken}", broken == 0),
        (f"at most {MOST_FLIPS:g} flips", f"{flips:.1f}", flips <= MOST_FLIPS),
        (f"at most {MOST_UNSERVED:g} % unserved", f"{unserved:.3f}", unserved <= MOST_UNSERVED),
    )
    for text, found, met in aims:
        console.print(f"{'met   ' if met else 'MISSED'} {text}: {found}")
    pairs = list(zip(ours, naive, strict=True))
    for text, losses in (
        ("more flips", sum(one.flips > other.flips for one, other in pairs)),
        ("more unserved", sum(one.unserved > other.unserved for one, other in pairs)),
        (
            "more replica-hours",
            sum(one.replica_hours > other.replica_hours for one, other in pairs),
        ),
    ):
        console.print(f"{text} than the naive policy: {losses} of {len(pairs)} seeds")
    return all(met for _, _, met in aims)
