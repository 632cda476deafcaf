"""`make demo`: a cluster, the operator, a real model, real files, and the right answers."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tritonclient.http as triton
from magika import Magika
from rich.console import Console
from rich.table import Table

from e2e.harness.binaries import ensure
from e2e.harness.cluster import Cluster, choose
from e2e.harness.errors import HarnessError
from e2e.harness.kubectl import Kubectl
from e2e.harness.paths import REPOSITORY
from e2e.harness.progress import say, step
from e2e.hints import hints
from e2e.installation import install_operator
from e2e.reach import reach
from e2e.sample_files import magika_model, sample_files
from examples.filetype_client import label_names, label_of

NAMESPACE = "default"
EXAMPLE = REPOSITORY / "examples" / "filetype.yaml"
READY_SECONDS = 180
LEAST_FILES = 20


def main() -> int:
    """0 when every served label equals magika's own."""
    console = Console(width=110 if not sys.stdout.isatty() else None)
    try:
        cluster = choose()
        with cluster.reserved():
            return _demo(console, cluster)
    except HarnessError as error:
        say(f"{error}")
        return 1


def _demo(console: Console, cluster: Cluster) -> int:
    started = time.monotonic()
    cluster.up()
    install_operator(cluster)
    kubectl = Kubectl(cluster.kubeconfig)
    with step("placing the model in a PersistentVolumeClaim"):
        cluster.place_files(NAMESPACE, "models", {"magika/model.onnx": magika_model()})
    with step(f"kubectl apply -f {EXAMPLE.relative_to(REPOSITORY)}, and waiting for Ready"):
        kubectl("-n", NAMESPACE, "apply", "-f", str(EXAMPLE))
        _wait_for_ready(kubectl)
    with (
        tempfile.TemporaryDirectory() as folder,
        reach(cluster, NAMESPACE, "filetype", 8000) as address,
    ):
        wrong = _serve(console, address, sample_files(Path(folder)))
    _print_decision(console, kubectl.json("-n", NAMESPACE, "get", "tisvc", "filetype"))
    _print_next(console, cluster, address)
    say(f"{'done' if not wrong else f'{wrong} wrong labels'} in {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


def _wait_for_ready(kubectl: Kubectl) -> None:
    try:
        kubectl(
            *("-n", NAMESPACE, "wait", "tisvc/filetype", "--for=condition=Ready"),
            f"--timeout={READY_SECONDS}s",
            timeout_seconds=READY_SECONDS + 10,
        )
    except HarnessError as error:
        described = kubectl("-n", NAMESPACE, "describe", "tisvc", "filetype")
        raise HarnessError(f"{error}\n{described}") from error


def _serve(console: Console, address: str, paths: list[Path]) -> int:
    if len(paths) < LEAST_FILES:
        raise HarnessError(f"only {len(paths)} files of different types were found")
    names = label_names()
    judge = Magika()
    table = Table(title=f"{len(paths)} real files through {address}", title_justify="left")
    for column in ("FILE", "SERVED", "MAGIKA ITSELF", "MS"):
        table.add_column(column, justify="right" if column == "MS" else "left")
    wrong = 0
    with triton.InferenceServerClient(address) as client:
        for path in paths:
            index, milliseconds = label_of(client, "filetype", path)
            expected = str(judge.identify_path(path).prediction.dl.label)
            same = names[index] == expected
            wrong += not same
            table.add_row(
                path.name,
                names[index],
                expected if same else f"[red]{expected} ✗[/red]",
                f"{milliseconds:.1f}",
            )
    console.print(table)
    return wrong


def _print_decision(console: Console, service: dict[str, Any]) -> None:
    status = service["status"]
    console.print("\nWhat the operator decided, and why", style="bold")
    _print_line(console, f"model: {status['model']['reason']}")
    for pool in status["pools"]:
        for reason in pool["reasons"]:
            _print_line(console, f"{pool['name']}: {reason}")
    for condition in status["conditions"]:
        if condition["type"] == "SpecHonored" and condition["status"] == "False":
            _print_line(console, f"not yet: {condition['message']}")


def _print_next(console: Console, cluster: Cluster, address: str) -> None:
    console.print("\nWhat to try next", style="bold")
    # Where it is installed, people use their own.
    kubectl = None if shutil.which("kubectl") else ensure("kubectl")
    asks = address if cluster.driver == "native" else None
    for line in hints(cluster.kubeconfig, kubectl, EXAMPLE, magika_model(), asks):
        _print_line(console, line)


def _print_line(console: Console, line: str) -> None:
    console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
