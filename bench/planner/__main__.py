"""`python -m bench.planner`: try every model, print tables, and one line of JSON at the end."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench.planner.bars import drawing
from bench.planner.catalogue import SUITE
from bench.planner.findings import Report, aims, exit_code, last_line
from bench.planner.options import Options, read
from bench.planner.pauses import watched
from bench.planner.prepared import Prepared, from_entry, from_file
from bench.planner.runs import Runs
from bench.planner.tables import print_tables
from bench.planner.trial import Setting, tried
from bench.planner.wheels import bench_cache
from e2e.harness.errors import HarnessError


def main() -> int:
    """Exit code as `findings.exit_code`; aims that are missed are told."""
    options = read()
    # Ends as by an error, so that Triton is stopped and leaves no process of its backend.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # This process measures, and its children send requests: not on the replica's cores.
    os.sched_setaffinity(0, options.others)
    began = time.monotonic()
    told = Console(stderr=True, highlight=False, soft_wrap=True)
    told.print(
        f"replica on cores {list(options.cores)}, requests from cores {list(options.others)}, "
        f"budget {options.budget_seconds:.0f} s"
    )
    with ExitStack() as stack:
        try:
            here = sorted({*options.cores, *options.others})
            pauses = stack.enter_context(watched(here, options.output / "pauses"))
        except HarnessError as error:
            told.print(f"not seen when the machine stands still: {error}", markup=False)
            pauses = ()
        setting = Setting(
            cores=options.cores,
            factors=options.factors,
            budget_seconds=options.budget_seconds,
            largest=options.largest,
            runs=Runs(bench_cache() / "runs", fresh=options.fresh),
            folder=options.output,
            patience_seconds=options.patience_seconds,
            pauses=[path.absolute() for path in pauses],
        )
        return _all_tried(options, setting, told, began)


def _all_tried(options: Options, setting: Setting, told: Console, began: float) -> int:
    reports: list[Report] = []
    failed: list[str] = []
    for name, prepare in _models(options):

        def progress(text: str, name: str = name) -> None:
            told.print(f"{time.monotonic() - began:7.1f} s  {name}: {text}", markup=False)

        try:
            progress("begins")
            model = prepare()
            progress(f"{model.kind}; {model.samples}; INT8: {model.copy.refusal or 'accepted'}")
            report = tried(model, setting, progress)
        except Exception as error:  # whatever it is, the others are tried, and it is told
            progress(f"FAILED: {type(error).__name__}: {error}")
            failed.append(f"{name}: {error}")
            continue
        reports.append(report)
        _write(options.output, reports)
    console = Console(width=None if sys.stdout.isatty() else 190, highlight=False)
    print_tables(console, reports)
    for text in failed:
        console.print(f"not tried: {text}", markup=False)
    for aim in aims(reports):
        if not aim.met:
            console.print(f"MISSED: {aim.text}: {aim.result}", markup=False)
    print(json.dumps(last_line(reports)), flush=True)
    return exit_code(reports, failed)


def _models(options: Options) -> Iterator[tuple[str, Callable[[], Prepared]]]:
    if options.models is None:
        for entry in SUITE:
            if not options.only or entry.name in options.only:
                yield entry.name, lambda entry=entry: from_entry(entry)  # type: ignore[misc]
        return
    for file in sorted(options.models.glob("*.onnx")):
        if not options.only or file.stem in options.only:
            yield file.stem, lambda file=file: from_file(file)  # type: ignore[misc]


def _write(folder: Path, reports: list[Report]) -> None:
    """NAME.json of the newest, and the plot of all so far."""
    folder.mkdir(parents=True, exist_ok=True)
    newest = reports[-1]
    (folder / f"{newest.name}.json").write_text(json.dumps(asdict(newest), indent=2) + "\n")
    (folder / "planner.svg").write_text(drawing(reports))


if __name__ == "__main__":
    sys.exit(main())
