"""`triton-operator model verify`: does a converted model answer as the FP32 one does?"""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from triton_operator.api.conversion_method import LEAST_ROWS
from triton_operator.cli.exit_codes import REFUSED
from triton_operator.cli.model_failure import told
from triton_operator.cli.output import OUTPUT, Output, print_documents, print_lines, print_table

if TYPE_CHECKING:
    from triton_operator.model.verification.verification import OutputComparison, Verification


def verify(
    file: Path = typer.Argument(..., metavar="MODEL", help="The ONNX model in FP32."),
    converted: Path = typer.Argument(..., metavar="CONVERTED", help="The same model, converted."),
    samples: Path | None = typer.Option(
        None, help="An .npz of real inputs, rows first; without it, a smoke test."
    ),
    min_agreement: float = typer.Option(
        0.99, min=0.0, max=1.0, help="Least share of rows that agree, as in spec.precision."
    ),
    output: Output = OUTPUT,
) -> None:
    """Compare what two models answer on samples.

    Exit codes: 0 accepted, 2 wrong input, 3 rejected, or the converted model does not run.
    """
    with told():
        verdict, note = _verified(file, converted, samples, min_agreement)
    if output is not Output.TABLE:
        print_documents([verdict.model_dump(mode="json", by_alias=True)], output)
    else:
        _print(converted, verdict, note)
    if not verdict.accepted:
        raise typer.Exit(REFUSED)


def _verified(
    file: Path, converted: Path, samples: Path | None, min_agreement: float
) -> "tuple[Verification, str | None]":
    from triton_operator.model.generated_rows import generated_samples
    from triton_operator.model.sample_rows import read_samples
    from triton_operator.model.verification.held_out import rows_to_verify
    from triton_operator.model.verification.pair import read_pair
    from triton_operator.model.verification.verification import verify

    pair = read_pair(file, converted)
    if samples is None:
        rows = generated_samples(pair.digest, pair.inputs, LEAST_ROWS)
    else:
        rows = read_samples(samples, pair.inputs)
    chosen, note = rows_to_verify(rows, pair.recipe)
    verdict = verify(file, converted, pair.outputs, chosen, min_agreement, batchable=pair.batchable)
    return verdict, note


def _print(converted: Path, verdict: "Verification", note: str | None) -> None:
    print_table(
        str(converted),
        ["OUTPUT", "KIND", "AGREEMENT", "TOP-1", "TOP-5", "REL-L2", "COSINE", "MAX-ABS", "NAN-INF"],
        [
            *(_row(row.name, row) for row in verdict.outputs),
            *(_row(f"{row.name}, in batches", row) for row in verdict.in_batches or []),
        ],
    )
    bits = "the same bits twice" if verdict.deterministic else "other bits when run again"
    print_lines(
        [
            "",
            f"{'accepted' if verdict.accepted else 'rejected'}: {verdict.reason}",
            f"rows: {note or verdict.rows}",
            f"determinism: the converted model gives {bits}",
        ]
    )


def _row(name: str, row: "OutputComparison") -> list[str]:
    return [
        name,
        row.kind,
        # Four digits, cut: a share that misses a bound is not rounded up to it.
        f"{int(row.agreement * 10_000) / 10_000:g}",
        *(
            "-" if number is None else f"{number:.4g}"
            for number in (row.top1, row.top5, row.relative_l2, row.cosine, row.max_abs)
        ),
        f"{row.nan_converted + row.infinite_converted} "
        f"(FP32: {row.nan_reference + row.infinite_reference})",
    ]
