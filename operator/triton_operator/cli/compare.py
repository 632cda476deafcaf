"""`triton-operator model compare`: what the operator's Job finds out about a copy, to commit it."""

import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from triton_operator.api.conversion_method import LEAST_ROWS
from triton_operator.api.enums import Precision
from triton_operator.api.model_profile import Conversion
from triton_operator.cli.copy_upload import put
from triton_operator.cli.exit_codes import INVALID, REFUSED
from triton_operator.cli.local_model import UnusableModel, local_model
from triton_operator.cli.model_failure import told
from triton_operator.cli.output import (
    OUTPUT,
    Output,
    print_documents,
    print_error,
    print_lines,
    print_table,
)
from triton_operator.manifests.model_profile import profile_of_facts


class Converted(StrEnum):
    """What a copy may be."""

    FP16 = "FP16"
    INT8 = "INT8"
    DYNAMIC_BATCH = "DynamicBatch"

    @property
    def precision(self) -> Precision:
        """That of the copy."""
        return Precision.FP32 if self is Converted.DYNAMIC_BATCH else Precision(self.value)


def compare(
    file: Path = typer.Argument(..., metavar="MODEL", help="The ONNX model in FP32."),
    to: Converted = typer.Option(
        ..., help="The precision of the copy, or DynamicBatch: FP32 for batches of any size."
    ),
    samples: Path | None = typer.Option(
        None, help="An .npz of real inputs, rows first; without it, a smoke test."
    ),
    min_agreement: float = typer.Option(
        0.99, min=0.0, max=1.0, help="Least share of rows that agree, as in spec.precision."
    ),
    store: str | None = typer.Option(
        None,
        metavar="URI",
        help="Put an accepted copy there, as the Job does for spec.precision.store.",
    ),
    store_endpoint: str | None = typer.Option(
        None, metavar="URL", help="Where the store of an s3:// address answers, if elsewhere."
    ),
    store_credentials: Path | None = typer.Option(
        None,
        metavar="DIR",
        help="A folder with a file for each key that the store's Secret would have.",
    ),
    output: Output = OUTPUT,
    namespace: str = typer.Option("default", "--namespace", "-n", help="Of the ModelProfile."),
) -> None:
    """Convert a model, and compare the copy with it.

    As the operator's Job does; the copy is thrown away, or put into a store.
    yaml and json print a ModelProfile with a row of `conversions` that can be committed: services
    with that digest use the copy by it, if the operator has the same tools. A row of DynamicBatch
    counts only on 32 rows of real samples or more, and beside measurements of both ways. Exit
    codes: 0 accepted, 1 not done, 2 wrong input, 3 refused, or agrees too little; the row says so.
    """
    try:
        model = local_model(file)
    except UnusableModel as error:
        print_error(str(error))
        raise typer.Exit(INVALID) from error
    least = Decimal(str(min_agreement))
    with told(), tempfile.TemporaryDirectory(prefix="triton-operator-kept-") as folder:
        kept = Path(folder) if store else None
        row = _row(file, to.precision, samples, keep_in=kept)
        # First: what was found out may have taken long, whatever a store says.
        if output is Output.TABLE:
            _print(file, row)
        else:
            profile: dict[str, Any] = profile_of_facts(namespace, model.digest, model.facts)
            profile["spec"]["conversions"] = [row.wire()]
            print_documents([profile], output)
        if not _is_accepted(row, least):
            raise typer.Exit(REFUSED)
        if row.rebatched:
            print_error(_what_it_takes(row))
        if store is not None and kept is not None:
            put(kept, store, store_endpoint, store_credentials)


def _is_accepted(row: Conversion, least: Decimal) -> bool:
    return row.refusal is None and Decimal(row.agreement or 0) >= least


def _what_it_takes(row: Conversion) -> str:
    """When services use a row of DynamicBatch, which nobody asks for by name."""
    real = row.samples_digest is not None
    told = f"note: a row of DynamicBatch counts on {LEAST_ROWS} rows of real samples or more"
    if not real or (row.rows or 0) < LEAST_ROWS:
        has = f"{row.rows or 0} rows" if real else "made-up inputs"
        return f"{told}; this one was compared on {has}, and no service uses it"
    return f"{told}, and where measurements of both ways are in the profile"


def _row(
    file: Path, precision: Precision, samples: Path | None, *, keep_in: Path | None
) -> Conversion:
    from triton_operator.model.conversion.copy_row import Comparison, copy_row

    asked = Comparison(
        model=file,
        precision=precision,
        samples=samples,
        time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        say=print_error,
        keep_in=keep_in,
    )
    return copy_row(asked)


def _print(file: Path, row: Conversion) -> None:
    tools = ", ".join(f"{name} {text}" for name, text in row.tool_versions.items())
    facts = [
        ("precision", str(row.precision)),
        ("method", row.method),
        ("digest", row.digest),
        ("agreement", row.agreement),
        ("rows", None if row.rows is None else str(row.rows)),
        ("samples", row.samples_digest or "made-up inputs: a smoke test"),
        ("tools", tools),
    ]
    print_table(str(file), ["FACT", "VALUE"], [(name, text) for name, text in facts if text])
    if row.refusal is not None:
        print_lines(["", f"refused: {row.refusal}"])
