"""`python -m bench.hub`: measure, print tables, and one line of JSON at the very end."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from rich.console import Console

from bench.hub.options import Options
from bench.hub.run import run
from bench.hub.tables import print_aims, print_tables
from e2e.harness.controlplane import ControlPlane
from e2e.harness.errors import HarnessError


def main() -> int:
    """Exit code 0; 1: an aim is missed, or the run came to no end, with the reason on standard
    error."""
    options = _options()
    # Wide enough for every row where the output is a file.
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
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
    met = print_aims(console, results.figures)
    print(json.dumps(results.figures.line()), flush=True)
    return 0 if met else 1


def _options() -> Options:
    defaults = Options()
    parser = argparse.ArgumentParser(
        prog="python -m bench.hub", description="Measure one hub of a fleet with many members."
    )
    helps = {
        "members": "clusters that join",
        "agents": "of them with a whole agent; the others are simulated",
        "services": "services that are placed on all of them; one is changed",
        "dead": "members that die while a service is changed",
        "slow": "members that become slow while a service is changed",
        "wave": "edges at which demand grows",
        "seconds": "of rest",
        "wave_seconds": "of the wave",
        "slow_seconds": "that a request of a slow member takes longer",
        "interval": "seconds between two heartbeats",
        "recover": "seconds of unbroken contact until a cluster is trusted",
        "phase_seconds": "bound on each phase",
        "seed": "of demand and delays",
    }
    for name, help_ in helps.items():
        default = getattr(defaults, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=_count if isinstance(default, int) else float,
            default=default,
            help=f"{help_} ({default:g})",
        )
    parser.add_argument(
        "--profile", type=Path, help="write a cProfile of the hub there (slows it down)"
    )
    try:
        return Options(**vars(parser.parse_args()))
    except ValueError as error:
        parser.error(str(error))


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


if __name__ == "__main__":
    sys.exit(main())
