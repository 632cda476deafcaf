"""What the runs gave: a table, plots, a file for each, and one line of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.autoscaling.plots import Panel, Points, drawing
from e2e.autoscaling.trial import Result

SMOOTH_SECONDS = 10


def save(result: Result, folder: Path) -> None:
    """One run as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "-".join(re.findall(r"\w+", result.policy))
    (folder / f"{name}.json").write_text(json.dumps(result.wire()))


def show(results: Sequence[Result], console: Console) -> None:
    """The table."""
    table = Table(title=f"Real Triton pods, {results[0].source}", title_justify="left")
    for column in (
        *("POLICY", "REQUESTS", "IN TIME %", "OF ADMITTED %", "REFUSED", "FAILED"),
        *("REPLICA-S", "MOST", "COLD START S", "LAG P99 MS", "MACHINE %"),
    ):
        table.add_column(column, justify="left" if column == "POLICY" else "right")
    for one in results:
        table.add_row(
            one.policy,
            f"{one.requests:,}",
            f"{100 * one.attainment:.2f}",
            f"{100 * one.of_admitted:.2f}",
            f"{one.rejected:,}",
            f"{one.failed:,}",
            f"{one.replica_seconds:,.0f}",
            str(one.most_replicas),
            f"{one.cold_start_seconds:.1f}",
            str(one.generator["lagP99"]),
            f"{100 * one.machine_busy:.0f}",
        )
    console.print(table)
    for one in results:
        for note in one.notes:
            console.print(f"  {one.policy}: {note}", markup=False, highlight=False)


def plot(results: Sequence[Result], path: Path) -> None:
    """Load, replicas and lateness over time."""
    first = results[0]
    load = [(float(t), float(row["sent"])) for t, row in enumerate(first.rows)]
    ready: dict[str, Points] = {
        one.policy: [(sample.time, float(sample.ready)) for sample in one.samples]
        for one in results
    }
    late: dict[str, Points] = {one.policy: _in_time(one) for one in results}
    path.write_text(
        drawing(
            [
                Panel("Load", "s", "requests/s", {"sent": load}, height=160),
                Panel("Ready replicas", "s", "replicas", ready, steps=True),
                Panel(f"In time, {SMOOTH_SECONDS} s each", "s", "%", late),
            ]
        )
    )


def _in_time(one: Result) -> Points:
    points = []
    for start in range(0, len(one.rows), SMOOTH_SECONDS):
        rows = one.rows[start : start + SMOOTH_SECONDS]
        sent = sum(row["sent"] for row in rows)
        if sent:
            share = 100 * sum(row["within"] for row in rows) / sent
            points.append((start + SMOOTH_SECONDS / 2, share))
    return points


def last_line(results: Sequence[Result]) -> str:
    """All of it for machines."""
    return json.dumps(
        {
            "_".join(re.findall(r"\w+", one.policy)): {
                "attainment": round(one.attainment, 5),
                "of_admitted": round(one.of_admitted, 5),
                "replica_seconds": round(one.replica_seconds),
                "removed": one.removed,
            }
            for one in results
        }
    )
