"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.autoscaling.grid import FAMILIES, USUAL_OBJECTIVE
from bench.autoscaling.replicas import LEAST, RANDOM, TWO_CHOICES
from bench.autoscaling.setup import ColdStart, Setup
from triton_operator.planning.queue_model import safe_rate
from triton_operator.planning.service_curve import ServiceCurve

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "traces"
"""Where traces are looked for if no folder is named."""
BALANCING = {"random": RANDOM, "p2c": TWO_CHOICES, "least": LEAST}
PERCENTILE = 0.99
CLUSTER_START = ColdStart(19.0, 0.03)
"""Of the pods on that cluster: 19 to 21 s."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    folder: Path | None
    seeds: int
    quick: bool
    only: tuple[str, ...]
    """Names of traces; empty: all."""
    cluster: bool
    policies: tuple[str, ...]
    setup: Setup
    faults: bool
    seconds: int | None
    output: Path | None
    processes: int


def read(words: Sequence[str] | None = None) -> Options:
    """Ends the program with a message where an option is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.autoscaling",
        description="Autoscalers on simulated Triton replicas, against public and made-up traces.",
    )
    parser.add_argument("--traces", type=Path, help="folder of CSV files; ../shared/traces if any")
    parser.add_argument("--seeds", type=_positive, default=3)
    parser.add_argument("--quick", action="store_true", help="two short traces, one seed")
    parser.add_argument(
        "--only", type=_names, default=(), metavar="A,B", help="only the traces of these names"
    )
    parser.add_argument(
        "--cluster",
        action="store_true",
        help="only 15 minutes of twitter_spike as on real pods: 2 to 16 replicas, starts of 19 s",
    )
    parser.add_argument(
        "--policies",
        type=_policies,
        default=tuple(FAMILIES),
        metavar="A,B",
        help="of " + ", ".join(FAMILIES),
    )
    starts = parser.add_mutually_exclusive_group()
    starts.add_argument(
        "--cold-start",
        type=_cold_start,
        default=ColdStart(),
        metavar="MEDIAN[,SIGMA]",
        help="seconds, and the sigma of their logarithm",
    )
    starts.add_argument(
        "--cold-start-file", type=_percentiles, metavar="CSV", help="`percentile,seconds` of loads"
    )
    parser.add_argument(
        "--scheduling-seconds", type=float, default=2.0, help="added to loads of a file"
    )
    parser.add_argument("--slo-ms", type=float, default=1000 * USUAL_OBJECTIVE)
    parser.add_argument(
        "--curve",
        type=_curve,
        default=(0.020, 0.010, 8),
        metavar="BASE,SLOPE,MAX",
        help="a batch of b takes BASE + SLOPE x b ms; the largest is MAX",
    )
    parser.add_argument(
        "--instances",
        type=_positive,
        default=Setup.instances,
        metavar="N",
        help="of a replica, which run beside each other; the curve is with all of them busy",
    )
    parser.add_argument("--balancing", choices=BALANCING, default="random")
    parser.add_argument("--reject", action="store_true", help="reject what would be too late")
    parser.add_argument("--faults", action="store_true", help="faults of metrics and pods, too")
    parser.add_argument(
        "--seconds", type=_positive, metavar="N", help="only the first N of each trace"
    )
    parser.add_argument("--output", type=Path, help="folder for plots and a JSON file per run")
    parser.add_argument("--processes", type=_positive, default=os.cpu_count() or 1)
    given = parser.parse_args(words)
    if given.traces is not None and not given.traces.is_dir():
        parser.error(f"--traces: {given.traces} is no folder")
    cold_start = given.cold_start
    if given.cold_start_file:
        cold_start = ColdStart(
            percentiles=given.cold_start_file, scheduling=given.scheduling_seconds
        )
    least, most = Setup.least, Setup.most
    if given.cluster:
        cold_start, least, most = CLUSTER_START, 2, 16
    base, slope, largest = given.curve
    objective = given.slo_ms / 1000
    if given.reject and given.instances > 1:
        parser.error("--reject: the operator rejects where a replica has one instance only")
    curve = ServiceCurve(base, slope, largest, given.instances)
    rate = safe_rate(curve, objective, PERCENTILE)
    if rate <= 0:
        parser.error(f"no rate keeps {given.slo_ms:g} ms with this curve")
    usual = Setup()
    if (base, slope, largest, given.instances, objective) == (
        usual.base,
        usual.slope,
        usual.largest,
        usual.instances,
        usual.objective,
    ):
        # As measured in a simulation; the model says 1 % more.
        rate = usual.safe_rate
    return Options(
        folder=given.traces or (BESIDE if BESIDE.is_dir() else None),
        seeds=1 if given.quick else given.seeds,
        quick=given.quick,
        only=given.only,
        cluster=given.cluster,
        policies=given.policies,
        setup=Setup(
            base=base,
            slope=slope,
            largest=largest,
            instances=given.instances,
            objective=objective,
            cold_start=cold_start,
            least=least,
            most=most,
            balancing=BALANCING[given.balancing],
            rejects=given.reject,
            safe_rate=rate,
        ),
        faults=given.faults,
        seconds=given.seconds,
        output=given.output,
        processes=given.processes,
    )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _policies(text: str) -> tuple[str, ...]:
    names = _names(text)
    if unknown := [name for name in names if name not in FAMILIES]:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}")
    return names


def _cold_start(text: str) -> ColdStart:
    median, _, sigma = text.partition(",")
    return ColdStart(float(median), float(sigma) if sigma else ColdStart.sigma)


def _percentiles(text: str) -> tuple[tuple[float, float], ...]:
    try:
        with Path(text).open() as lines:
            rows = list(csv.DictReader(lines))
        points = sorted((float(row["percentile"]), float(row["seconds"])) for row in rows)
    except (OSError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error
    if not points:
        raise argparse.ArgumentTypeError(f"{text} has no row")
    return tuple(points)


def _curve(text: str) -> tuple[float, float, int]:
    base, slope, largest = text.split(",")
    return float(base) / 1000, float(slope) / 1000, int(largest)
