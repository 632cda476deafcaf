"""`triton-operator model measure`: how fast a model is on a Triton that has it loaded."""

import ipaddress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

from triton_operator.api.conversion_method import Method
from triton_operator.api.enums import Precision
from triton_operator.api.model_profile import Measurement, PoolHardware
from triton_operator.cli.exit_codes import FAILED, INVALID
from triton_operator.cli.local_model import UnusableModel, local_model
from triton_operator.cli.output import (
    OUTPUT,
    Output,
    print_documents,
    print_error,
    print_lines,
    print_table,
)
from triton_operator.manifests.model_profile import profile_of_facts
from triton_operator.planning.figures import figure

if TYPE_CHECKING:
    from triton_operator.model.measurement.measured import Measured
    from triton_operator.model.measurement.served_model import ServedModel

DEFAULT_BUDGET_SECONDS = 180.0


def measure(
    file: Path = typer.Argument(..., help="The model file, for its digest and facts."),
    url: str = typer.Option("http://127.0.0.1:8000", help="Triton's HTTP address."),
    name: list[str] = typer.Option(
        [], help="The model's name in Triton, without it the file's. Several are compared."
    ),
    samples: Path | None = typer.Option(
        None, help=".npz with an array per input, axis 0 counts samples. Without: made-up inputs."
    ),
    budget: float = typer.Option(DEFAULT_BUDGET_SECONDS, min=1.0, help="Seconds, for all of it."),
    max_batch: int | None = typer.Option(
        None, min=1, help="Largest batch to measure; without it the model's max_batch_size."
    ),
    objective: float | None = typer.Option(
        None, min=0.001, help="Milliseconds that an answer may take: slower batches end it."
    ),
    precision: Precision = typer.Option(
        Precision.FP32,
        help="What Triton runs: FP32 stands for whatever is in the file; INT8 or FP16 where it has "
        "a copy that `model convert` made of it. FILE is the model itself in either case.",
    ),
    dynamic_batch: bool = typer.Option(
        False, help="Triton runs the copy that `model convert --to DynamicBatch` made of FILE."
    ),
    cpu: str | None = typer.Option(
        None, help="CPU of a Triton on another machine, as its /proc/cpuinfo says."
    ),
    product: str | None = typer.Option(None, help="GPU product, such as NVIDIA-L4."),
    output: Output = OUTPUT,
    namespace: str = typer.Option("default", "--namespace", "-n", help="Of the ModelProfile."),
) -> None:
    """Measure a model that a running Triton has loaded.

    That is the time of each batch size, and the throughput.
    yaml and json print a ModelProfile that can be committed: services with that digest on such
    hardware use it. Nobody else may send requests meanwhile. Exit codes: 0 all measured, 1 some
    could not be measured, 2 wrong input.
    """
    try:
        model = local_model(file)
    except UnusableModel as error:
        print_error(str(error))
        raise typer.Exit(INVALID) from error
    from triton_operator.api.inspection import Failure
    from triton_operator.model import reasons
    from triton_operator.model.errors import WorkFailed
    from triton_operator.model.measurement.measured import Circumstances, measurement
    from triton_operator.model.measurement.served_model import release_name
    from triton_operator.model.measurement.session import Session, progress_line

    session = Session(
        url=url,
        seed=model.digest,
        samples=samples,
        largest=max_batch,
        bound_seconds=None if objective is None else objective / 1000,
        progress=lambda one, size: print_error(progress_line(one, size)),
    )
    try:
        release = release_name(session.version())
        samples_digest = session.samples_digest()
    except WorkFailed as error:
        print_error(str(error))
        wrong = error.failure.reason in (reasons.INVALID_ARGUMENTS, reasons.SAMPLES_REFUSED)
        raise typer.Exit(INVALID if wrong else FAILED) from error
    rows: list[Measurement] = []
    failures: list[str] = []
    for result in session.compared(name or [file.stem], budget):
        if isinstance(result.outcome, Failure):
            failures.append(f"{result.name}: {result.outcome.reason}: {result.outcome.message}")
            continue
        served = session.models[result.name]
        if output is Output.TABLE:
            _print_measured(result.name, result.outcome, served)
        around = Circumstances(
            precision=precision,
            method=Method.DYNAMIC_BATCH if dynamic_batch else None,
            engine=served.engine,
            hardware=PoolHardware(
                product=product if served.gpu else None,
                cpu=None if served.gpu else cpu or _cpu_at(url),
                triton_release=release,
            ),
            instances=served.instances_on_each,
            threads=served.threads,
            devices=served.devices,
            samples_digest=samples_digest,
            time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        rows.append(measurement(result.outcome, around))
    if output is not Output.TABLE and rows:
        profile: dict[str, Any] = profile_of_facts(namespace, model.digest, model.facts)
        profile["spec"]["measurements"] = [row.wire() for row in rows]
        print_documents([profile], output)
    for text in failures:
        print_error(text)
    if failures:
        raise typer.Exit(FAILED)


def _print_measured(name: str, found: "Measured", served: "ServedModel") -> None:
    threads = f", {served.threads} threads each" if served.threads else ""
    print_table(
        f"{name}: {served.engine}, instances: {served.instances}{threads}",
        ["BATCH", "MILLISECONDS", "REQUESTS/S", "CLIENT", "CLIENT P99", "EXECUTIONS", "SURE"],
        [
            [
                str(row.batch_size),
                f"{row.seconds * 1000:.4g}",
                figure(served.instances * row.batch_size / row.seconds),
                f"{row.client_seconds * 1000:.4g}",
                f"{row.client_p99_seconds * 1000:.4g}",
                str(row.executions),
                "yes" if row.narrow else "no",
            ]
            for row in found.sizes
        ],
    )
    if found.requests_per_second is None:
        load = f"under load from {found.senders} clients: not known, this client was too slow"
    else:
        rate = figure(found.requests_per_second)
        load = f"under load from {found.senders} clients: {rate} requests/s"
    print_lines([load, f"ended: {found.reason}", ""])


def _cpu_at(url: str) -> str | None:
    """This machine's CPU where Triton runs here, else None."""
    from triton_operator.model.measurement.cpu_model import this_cpu

    host = urlsplit(url).hostname or ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    return this_cpu() if here else None
