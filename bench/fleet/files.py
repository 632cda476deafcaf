"""What the benchmark leaves in a folder: a JSON file per run, and a plot of the first seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from bench.autoscaling.plots import Panel, drawing
from bench.fleet.policies import NAIVE, OURS
from bench.fleet.simulation import DRAWN_SECONDS, Result
from bench.fleet.suite import LARGE, SMALL, Job


def write(folder: Path, results: Mapping[Job, Result]) -> None:
    """`runs/SIZE_POLICY_SEED.json`, `small.svg` and `large.svg`."""
    place = folder / "runs"
    place.mkdir(parents=True, exist_ok=True)
    for job, result in results.items():
        kept = {"job": asdict(job), "result": asdict(result)}
        (place / f"{job.name}.json").write_text(json.dumps(kept) + "\n")
    first = min(job.seed for job in results)
    for name, size in (("small", SMALL), ("large", LARGE)):
        drawn = {
            job.policy: result
            for job, result in results.items()
            if (job.size, job.seed, job.blackout) == (size, first, False)
        }
        if {OURS, NAIVE} <= drawn.keys():
            (folder / f"{name}.svg").write_text(_drawing(drawn[OURS], drawn[NAIVE]))


def _drawing(ours: Result, naive: Result) -> str:
    return drawing(
        [
            Panel("Demand of each cluster's clients", "h", "replicas", _lines(ours, "demand")),
            Panel("Floors, ours", "h", "replicas", _lines(ours, "floor"), steps=True),
            Panel("Floors, naive", "h", "replicas", _lines(naive, "floor"), steps=True),
            Panel("Ready, ours", "h", "replicas", _lines(ours, "ready"), steps=True),
            Panel("Ready, naive", "h", "replicas", _lines(naive, "ready"), steps=True),
        ]
    )


def _lines(result: Result, what: str) -> dict[str, list[tuple[float, float]]]:
    return {
        name.removeprefix(f"{what} "): [
            (place * DRAWN_SECONDS / 3600, float(value)) for place, value in enumerate(values)
        ]
        for name, values in result.series.items()
        if name.startswith(f"{what} ")
    }
