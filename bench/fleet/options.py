"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What to run: numbers of seeds for each suite, and of random inputs."""

    inputs: int
    seeds: int
    first_seed: int
    part_seeds: int
    blackout_seeds: int
    large_seeds: int
    hours: float
    output: Path | None
    processes: int


def read(words: Sequence[str] | None = None) -> Options:
    """Ends the program with a message where an option is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.fleet",
        description="Placement: random inputs against its rules, and hours of simulated fleets.",
    )
    parser.add_argument("--inputs", type=_natural, default=20_000, help="random inputs of place()")
    parser.add_argument("--seeds", type=_positive, default=40, help="of 2 edges and 2 clouds")
    parser.add_argument("--first-seed", type=_natural, default=0, help="others than usual")
    parser.add_argument("--part-seeds", type=_natural, default=10, help="without one part each")
    parser.add_argument("--blackout-seeds", type=_natural, default=10, help="a cloud wholly gone")
    parser.add_argument("--large-seeds", type=_natural, default=4, help="of 12 edges and 3 clouds")
    parser.add_argument("--hours", type=float, default=6.0, help="simulated")
    parser.add_argument("--output", type=Path, help="folder for plots and a JSON file per run")
    parser.add_argument("--processes", type=_positive, default=os.cpu_count() or 1)
    given = parser.parse_args(words)
    if not 0.5 <= given.hours <= 48:
        parser.error("--hours: between 0.5 and 48")
    return Options(**vars(given))


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value
