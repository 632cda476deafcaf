"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.planner.catalogue import SUITE
from bench.planner.ways import SIZES

PATIENCE_SECONDS = 10.0
FACTORS = (3.0, 8.0, 25.0)
BUDGET_SECONDS = 180.0
"""`spec.measurement.budgetSeconds` without a word from the user."""


@dataclass(frozen=True)
class Options:
    """What to try. `cores`: of the replica; `others`: for the requests, and for what measures."""

    models: Path | None
    only: tuple[str, ...]
    cores: tuple[int, ...]
    others: tuple[int, ...]
    budget_seconds: float
    factors: tuple[float, ...]
    largest: int
    fresh: bool
    patience_seconds: float
    output: Path


def read(words: Sequence[str] | None = None) -> Options:
    """Ends the program with a message where an option is wrong."""
    here = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(
        prog="python -m bench.planner",
        description="The planner's choice against an exhaustive sweep on a real Triton.",
    )
    parser.add_argument(
        "--models", type=Path, help="folder of .onnx, each with NAME.npz or with made-up rows"
    )
    parser.add_argument("--only", type=_names, default=(), metavar="A,B")
    parser.add_argument(
        "--cpus",
        type=int,
        metavar="N",
        help="of the replica; without it 2, or as many as leave one for the requests",
    )
    parser.add_argument("--budget", type=float, default=BUDGET_SECONDS, metavar="SECONDS")
    parser.add_argument(
        "--factors", type=_numbers, default=FACTORS, help="objectives, times a lone request"
    )
    parser.add_argument("--largest", type=int, choices=SIZES, default=SIZES[-1])
    parser.add_argument("--fresh", action="store_true", help="run again what was run before")
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help="that a run waits for others to leave the replica's cores alone",
    )
    parser.add_argument("--output", type=Path, default=Path("build/bench-planner"))
    given = parser.parse_args(words)
    if given.models is not None and not given.models.is_dir():
        parser.error(f"--models: {given.models} is no folder")
    known = {entry.name for entry in SUITE}
    if given.models is None and (unknown := set(given.only) - known):
        parser.error(
            f"--only: there is no {', '.join(sorted(unknown))}; {', '.join(sorted(known))}"
        )
    wanted = given.cpus or min(2, max(1, len(here) - 1))
    if not 1 <= wanted <= len(here):
        parser.error(f"--cpus: {len(here)} are here")
    cores = tuple(here[:wanted])
    return Options(
        models=given.models,
        only=given.only,
        cores=cores,
        # With all of them the requests share cores with the replica, and say so in its figures.
        others=tuple(core for core in here if core not in cores) or tuple(here),
        budget_seconds=given.budget,
        factors=given.factors,
        largest=given.largest,
        fresh=given.fresh,
        patience_seconds=given.patience,
        output=given.output,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.split(","))
