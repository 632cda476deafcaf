"""`python -m bench.autoscaling`: play, print tables, and one line of JSON at the very end."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console

from bench.autoscaling import faults, files, traces
from bench.autoscaling.decision_cost import together
from bench.autoscaling.findings import Faulty, Findings, chosen_settings
from bench.autoscaling.grid import FAMILIES, settings
from bench.autoscaling.options import Options, read
from bench.autoscaling.simulation import Result
from bench.autoscaling.suite import Job, Workers
from bench.autoscaling.summary import Outcome, by_trace, mean, outcome
from bench.autoscaling.tables import print_tables
from bench.autoscaling.traces import Trace

QUICK_SECONDS = 1200
SPIKE_SECONDS = 3300
"""Of the trace with the 5x step: the step comes 450 s later."""


def main() -> int:
    """Exit code 0, or 1 with the reason on standard error."""
    options = read()
    try:
        suite, extras = _traces(options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    faulty = [faults.trace()] if options.faults else []
    found, results = _run(options, suite, extras, faulty)
    console = Console(width=None if sys.stdout.isatty() else 170, highlight=False)
    print_tables(console, found)
    if options.output is not None:
        files.write_runs(options.output, results)
        files.write_plots(options.output, found, [*suite, *extras], results)
    print(json.dumps(found.line()), flush=True)
    return 0


def _traces(options: Options) -> tuple[list[Trace], list[Trace]]:
    """(suite, extras)."""
    given = traces.read_folder(options.folder) if options.folder else []
    suite = [*given, traces.mmpp()]
    extras = [traces.step(), traces.ramp(), traces.diurnal()]
    if not given:
        place = options.folder or "../shared/traces, and --traces names no folder"
        print(f"no traces in {place}: only those of generators", file=sys.stderr)
        suite, extras = [*suite, *extras[1:]], extras[:1]
    if options.quick:
        extras = [traces.step(seconds=QUICK_SECONDS)]
        by_name = {trace.name: trace for trace in given}
        spike, calm = by_name.get("twitter_spike"), by_name.get("twitter_calm")
        if spike is not None and calm is not None:
            suite = [spike.part(SPIKE_SECONDS, QUICK_SECONDS), calm.part(0, QUICK_SECONDS)]
        else:
            suite = [traces.mmpp(seconds=QUICK_SECONDS), traces.ramp(seconds=QUICK_SECONDS)]
    if options.cluster:
        spikes = [trace for trace in given if trace.name == "twitter_spike"]
        suite, extras = [traces.on_cluster(spikes[0]) if spikes else traces.surge()], []
    if options.only:
        suite = [trace for trace in suite if trace.name in options.only]
        extras = [trace for trace in extras if trace.name in options.only]
        if not suite:
            raise ValueError(f"none of {', '.join(options.only)} is a trace of the suite")
    if options.seconds is not None:
        suite = [trace.part(0, options.seconds) for trace in suite]
        extras = [trace.part(0, options.seconds) for trace in extras]
    return suite, extras


def _run(
    options: Options, suite: Sequence[Trace], extras: Sequence[Trace], faulty: Sequence[Trace]
) -> tuple[Findings, dict[Job, Result]]:
    workers = Workers(options.setup, [*suite, *extras, *faulty], options.processes)
    clairvoyants = workers.clairvoyants()
    seconds = {name: found.replica_seconds for name, found in clairvoyants.items()}
    names, more = [trace.name for trace in suite], [trace.name for trace in extras]
    grid = {
        policy: settings(FAMILIES[policy], options.setup, usual_only=options.quick)
        for policy in options.policies
    }
    tried = workers.play(
        [
            Job(trace, policy, setting)
            for policy, numbers in grid.items()
            for setting in numbers
            for trace in names
        ],
        "settings",
    )
    chosen = chosen_settings(by_trace(tried, seconds), names)
    best = [
        Job(trace, policy, setting, seed)
        for policy, setting in chosen.items()
        for trace in [*names, *more]
        for seed in range(options.seeds)
    ]
    again = workers.play([job for job in best if job not in tried], "best settings")
    played = {job: again[job] if job in again else tried[job] for job in best}
    broken = workers.play(
        [
            Job(trace.name, policy, setting, seed, fault)
            for trace in faulty
            for policy, setting in chosen.items()
            for seed in range(options.seeds)
            for fault in faults.FAULTS
        ],
        "faults",
    )
    found = Findings(
        names,
        more,
        clairvoyants,
        by_trace(tried, seconds),
        by_trace(played, seconds),
        _faulty(broken, seconds),
        options.setup.rejects,
        together(one.decisions for one in {**tried, **played, **broken}.values()),
    )
    return found, {**tried, **played, **broken}


def _faulty(
    results: Mapping[Job, Result], seconds: Mapping[str, float]
) -> dict[tuple[str, str], Faulty]:
    seen: dict[tuple[str, str], list[tuple[Outcome, int | None]]] = {}
    for job, result in results.items():
        until = faults.FAULTS[job.fault].until
        gone = None if until is None else faults.removed(result, until)
        row = seen.setdefault((job.policy, job.fault), [])
        row.append((outcome(result, seconds[job.trace]), gone))
    found = {}
    for key, rows in seen.items():
        point = mean(one for one, _ in rows)
        several = [number for _, number in rows if number is not None]
        found[key] = Faulty(point.attainment, point.cost, sum(several) if several else None)
    return found


if __name__ == "__main__":
    sys.exit(main())
