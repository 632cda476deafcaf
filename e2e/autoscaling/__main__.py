"""`python -m e2e.autoscaling`: autoscalers on a real cluster, one after the other."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from rich.console import Console

from e2e.autoscaling import rates, report
from e2e.autoscaling.faults import fault_run, faults
from e2e.autoscaling.policies import KINDS, policy
from e2e.autoscaling.stage import SMALL_FETCH, staged
from e2e.autoscaling.trial import Result, trial
from e2e.harness.cluster import Cluster, choose
from e2e.harness.errors import HarnessError
from e2e.harness.progress import say
from e2e.installation import CODE_NAMESPACE, install_operator

USUAL = ("ours", "ours-reject", "keda-rps:38", "static:12")
COLD_START_SECONDS = 19.0
CALM_SECONDS = 120


def main() -> int:
    """0 when every run came to its end, and no fault removed a replica."""
    options = _options()
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(width=140 if not sys.stdout.isatty() else None)
    try:
        for name in options.policy:
            policy(name, CODE_NAMESPACE)
        cluster = choose()
        was_up = not cluster.problems()
        with cluster.reserved():
            cluster.up()
            install_operator(cluster, SMALL_FETCH)
            results = _runs(cluster, options)
        if not was_up:
            cluster.down()
    except HarnessError as error:
        say(f"✗ {error}")
        return 1
    except KeyboardInterrupt:
        say("✗ interrupted")
        return 130
    report.show(results, console)
    plot = options.output / ("faults.svg" if options.faults else "runs.svg")
    report.plot(results, plot)
    console.print(f"  plots: {plot}", markup=False, highlight=False)
    print(report.last_line(results))
    # A fault that removes replicas is a failure; policies may remove as many as they like.
    return 1 if options.faults and any(one.removed for one in results) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m e2e.autoscaling",
        description="The same load on real Triton pods, scaled by one policy after the other.",
    )
    parser.add_argument(
        "--policy", action="append", help=f"one run; may be repeated. Kinds: {KINDS}"
    )
    parser.add_argument("--from", dest="start", type=int, default=0, help="first second (0)")
    parser.add_argument("--seconds", type=int, default=rates.SECONDS, help="how many (all)")
    parser.add_argument("--calm", type=int, default=CALM_SECONDS, help="seconds before it (120)")
    parser.add_argument("--cold-start", type=float, default=COLD_START_SECONDS, help="seconds")
    parser.add_argument(
        "--faults", action="store_true", help="what goes wrong, instead of policies"
    )
    parser.add_argument("--output", type=Path, default=Path("build/e2e-autoscaling"))
    options = parser.parse_args()
    options.policy = options.policy or list(USUAL)
    return options


def _runs(cluster: Cluster, options: argparse.Namespace) -> list[Result]:
    if options.faults:
        found = [fault_run(cluster, fault, options.cold_start) for fault in faults()]
        for result in found:
            report.save(result, options.output)
        return found
    load = rates.spike().part(options.start, options.seconds)
    say(f"load: {load.source}; {load.per_second.sum():,.0f} requests")
    results = []
    for name in options.policy:
        with staged(cluster, name, options.cold_start) as stage:
            result = trial(stage, load, options.calm)
        report.save(result, options.output)
        results.append(result)
    return results


if __name__ == "__main__":
    sys.exit(main())
