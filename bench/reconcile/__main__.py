"""`python -m bench.reconcile`: measure, print tables, and one line of JSON at the very end."""

import argparse
import asyncio
import json
import shlex
import sys
import time
from pathlib import Path

from rich.console import Console

from bench.reconcile.run import Options, run
from bench.reconcile.tables import print_tables
from e2e.harness.controlplane import ControlPlane
from e2e.harness.errors import HarnessError


def main() -> int:
    """Exit code 0, or 1 with the reason on standard error."""
    options = _options()
    # Wide enough for every row where the output is a file.
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    started = time.monotonic()

    def say(text: str) -> None:
        console.print(f"{time.monotonic() - started:6.1f} s  {text}", markup=False)

    try:
        say("starting etcd and kube-apiserver")
        with ControlPlane(controller_manager=False) as control_plane:
            results = asyncio.run(run(control_plane, options, say))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 1
    print_tables(console, results)
    print(json.dumps(results.figures.line()), flush=True)
    return 0


def _options() -> Options:
    defaults = Options()
    parser = argparse.ArgumentParser(
        prog="python -m bench.reconcile", description="Measure the operator under a burst."
    )
    parser.add_argument("--services", type=_positive, default=defaults.services)
    parser.add_argument(
        "--concurrency", type=_positive, default=defaults.concurrency, help="creates in flight"
    )
    parser.add_argument(
        "--changes", type=_positive, default=defaults.changes, help="single edits after the burst"
    )
    parser.add_argument("--rest-seconds", type=float, default=defaults.rest_seconds)
    parser.add_argument(
        "--pod-events-per-second", type=_positive, default=defaults.pod_events_per_second
    )
    parser.add_argument("--pod-events-seconds", type=float, default=defaults.pod_events_seconds)
    parser.add_argument(
        "--phase-seconds",
        type=float,
        default=defaults.phase_seconds,
        help="bound on each phase",
    )
    parser.add_argument(
        "--operator-options", default="", help="more options of `triton-operator run`, quoted"
    )
    parser.add_argument(
        "--profile", type=Path, help="write a cProfile of the operator there (slows it down)"
    )
    given = parser.parse_args()
    return Options(
        services=given.services,
        concurrency=given.concurrency,
        changes=given.changes,
        rest_seconds=given.rest_seconds,
        pod_events_per_second=given.pod_events_per_second,
        pod_events_seconds=given.pod_events_seconds,
        phase_seconds=given.phase_seconds,
        operator_options=shlex.split(given.operator_options),
        profile=given.profile,
    )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


if __name__ == "__main__":
    sys.exit(main())
