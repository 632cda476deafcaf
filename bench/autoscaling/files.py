"""What a benchmark leaves in a folder: a JSON file per run, and plots."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bench.autoscaling.findings import Findings
from bench.autoscaling.oracle import INTERVAL_SECONDS
from bench.autoscaling.plots import Panel, drawing
from bench.autoscaling.simulation import Result
from bench.autoscaling.suite import THINNED, Job
from bench.autoscaling.traces import Trace

Points = list[tuple[float, float]]


def write_runs(folder: Path, results: Mapping[Job, Result]) -> None:
    """`runs/TRACE-POLICY-SETTING-SEED[-FAULT].json`."""
    place = folder / "runs"
    place.mkdir(parents=True, exist_ok=True)
    for job, result in results.items():
        name = f"{job.trace}-{job.policy}-{job.setting:g}-{job.seed}"
        name += f"-{job.fault}" if job.fault else ""
        kept = {"job": asdict(job), "result": asdict(result)}
        (place / f"{name}.json").write_text(json.dumps(kept) + "\n")


def write_plots(
    folder: Path, found: Findings, traces: Sequence[Trace], results: Mapping[Job, Result]
) -> None:
    """`TRACE.svg` with arrivals, replicas and waiting requests; `suite.svg`, cost over misses."""
    folder.mkdir(parents=True, exist_ok=True)
    for trace in traces:
        played = {
            job.policy: result
            for job, result in results.items()
            if (job.trace, job.setting) == (trace.name, found.setting(job.policy)) and result.series
        }
        (folder / f"{trace.name}.svg").write_text(_trace(trace, found, played))
    curves = {policy: [(cost, a) for a, cost in found.curve(policy)] for policy in found.policies}
    panel = Panel(
        "Mean over the suite",
        "replica-seconds / clairvoyant's",
        "attainment",
        curves,
        height=420,
        marks=True,
        from_zero=False,
    )
    (folder / "suite.svg").write_text(drawing([panel]))


def _trace(trace: Trace, found: Findings, played: Mapping[str, Result]) -> str:
    planned = found.clairvoyants[trace.name].plan
    shown = [policy for policy in found.policies if policy in played][:4]
    replicas = {policy: _line(played[policy].series["ordered"]) for policy in shown}
    replicas["clairvoyant"] = [
        (float(place * INTERVAL_SECONDS), float(n)) for place, n in enumerate(planned)
    ]
    waiting = {policy: _line(played[policy].series["pending"]) for policy in shown}
    whole = trace.seconds // THINNED * THINNED
    arrivals = np.asarray(trace.rates[:whole]).reshape(-1, THINNED).mean(axis=1)
    return drawing(
        [
            Panel(trace.name, "s", "req/s", {"arrivals": _line(arrivals)}),
            Panel("Replicas ordered", "s", "", replicas, height=300, steps=True),
            Panel("Requests that wait", "s", "", waiting),
        ]
    )


def _line(values: Iterable[float]) -> Points:
    return [(float(place * THINNED), float(value)) for place, value in enumerate(values)]
