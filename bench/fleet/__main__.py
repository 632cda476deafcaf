"""`python -m bench.fleet`: try, play, print tables, and one line of JSON at the very end."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from rich.console import Console

from bench.fleet import files
from bench.fleet.options import read
from bench.fleet.policies import ALONE, NAIVE, OURS, PARTS
from bench.fleet.simulation import Result
from bench.fleet.suite import LARGE, Job, broken_rules, jobs, play, seconds_for
from bench.fleet.tables import Suite, print_aims, suite_table

SHOWN = 10
CLUSTERS = 500


def main() -> int:
    """Exit code 0, or 1 where a rule is broken or an aim is missed."""
    options = read()
    console = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    broken = broken_rules(options.inputs, options.processes)
    console.print(f"{options.inputs:,} random inputs of place(): {len(broken)} broken rules")
    for words in broken[:SHOWN]:
        console.print(f"  {words}", markup=False)
    console.print(f"one placement over {CLUSTERS} clusters: {1000 * seconds_for(CLUSTERS):.0f} ms")
    hours, three = options.hours, (OURS, NAIVE, ALONE)

    def seeds(number: int) -> range:
        return range(options.first_seed, options.first_seed + number)

    suites = {
        f"2 edges and 2 clouds, {hours:g} h, {options.seeds} seeds": jobs(
            three, seeds(options.seeds), hours
        ),
        f"ours without one of its parts, {options.part_seeds} seeds": jobs(
            (OURS, *PARTS), seeds(options.part_seeds), hours
        ),
        f"half of the clients follow their list, {options.part_seeds} seeds": jobs(
            three, seeds(options.part_seeds), hours, follows=0.5
        ),
        f"no client follows its list, {options.part_seeds} seeds": jobs(
            three, seeds(options.part_seeds), hours, follows=0.0
        ),
        f"the first cloud is gone for its own clients too, {options.blackout_seeds} seeds": jobs(
            three, seeds(options.blackout_seeds), hours, blackout=True
        ),
        f"12 edges and 3 clouds, {options.large_seeds} seeds": jobs(
            three, seeds(options.large_seeds), hours, LARGE
        ),
    }
    results = play(
        list(dict.fromkeys(job for rows in suites.values() for job in rows)), options.processes
    )
    for title, rows in suites.items():
        if rows:
            console.print(suite_table(title, _by_policy(rows, results)))
    first = _by_policy(next(iter(suites.values())), results)
    met = print_aims(console, first, options.inputs, len(broken))
    if options.output is not None:
        files.write(options.output, results)
    figures = {"breaches": len(broken), "inputs": options.inputs, **_figures(first[OURS])}
    print(json.dumps({**figures, "naive": _figures(first[NAIVE])}), flush=True)
    return 0 if met else 1


def _by_policy(rows: Sequence[Job], results: Mapping[Job, Result]) -> Suite:
    return {
        policy: [results[job] for job in rows if job.policy == policy]
        for policy in dict.fromkeys(job.policy for job in rows)
    }


def _figures(results: Sequence[Result]) -> dict[str, Any]:
    return {
        "flips": round(fmean(one.flips for one in results), 2),
        "unserved_percent": round(fmean(one.unserved_percent for one in results), 4),
        "replica_hours": round(fmean(one.replica_hours for one in results), 2),
    }


if __name__ == "__main__":
    sys.exit(main())
