"""`triton-operator model convert`: the model in another precision, or with a dynamic batch."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from triton_operator.api.conversion_method import LEAST_ROWS, Method
from triton_operator.cli.exit_codes import INVALID
from triton_operator.cli.model_failure import told
from triton_operator.cli.output import OUTPUT, Output, print_documents, print_error, print_table

if TYPE_CHECKING:
    from triton_operator.model.conversion.record import ConversionRecord


class Target(StrEnum):
    """What a model can be converted to."""

    FP16 = "FP16"
    INT8 = "INT8"
    DYNAMIC_BATCH = "DynamicBatch"
    """FP32 as before, for batches of any size instead of 1."""


class Int8(StrEnum):
    """How INT8 is made."""

    AUTO = "Auto"
    DYNAMIC = "Dynamic"
    STATIC = "Static"


def convert(
    file: Path = typer.Argument(..., metavar="MODEL", help="The ONNX model in FP32."),
    converted: Path = typer.Argument(..., metavar="CONVERTED", help="The file to write."),
    to: Target = typer.Option(
        ..., help="FP16, INT8, or DynamicBatch: FP32 for batches of any size instead of 1."
    ),
    int8: Int8 = typer.Option(
        Int8.AUTO, help="Auto: Static for convolutional nets, Dynamic for the others."
    ),
    samples: Path | None = typer.Option(
        None, help="An .npz of real inputs, which Static INT8 needs; rows first."
    ),
    output: Output = OUTPUT,
) -> None:
    """Write a model in another precision.

    Inputs and outputs stay as they are.
    Nothing is verified: `triton-operator model verify` does that. Only DynamicBatch is verified at
    once, on the samples or on made-up inputs. Exit codes: 0 written, 1 not writable, 2 wrong input,
    3 the model cannot be converted to that.
    """
    if converted.exists() and file.exists() and converted.samefile(file):
        print_error(f"{converted} is the model itself; write to another file")
        raise typer.Exit(INVALID)
    with told():
        record = _converted(file, to, int8, samples, converted)
    if output is not Output.TABLE:
        print_documents([record.wire()], output)
        return
    print_table(str(converted), ["FACT", "VALUE"], _rows(record, converted))


def _converted(
    file: Path, to: Target, int8: Int8, samples: Path | None, converted: Path
) -> "ConversionRecord":
    from triton_operator.model.conversion.conversion import convert_model
    from triton_operator.model.conversion.dynamic_batch import with_dynamic_batch
    from triton_operator.model.conversion.method import int8_method
    from triton_operator.model.conversion.source_model import read_source
    from triton_operator.model.generated_rows import generated_samples
    from triton_operator.model.sample_rows import read_samples
    from triton_operator.model.verification.rows_together import SIZES, refuse_mixed_rows

    source = read_source(file)
    inputs = source.facts.inputs
    rows = None if samples is None else read_samples(samples, inputs)
    if to is Target.DYNAMIC_BATCH:
        compared = rows or generated_samples(source.digest, inputs, LEAST_ROWS)
        record = with_dynamic_batch(
            source, converted, check=lambda path: refuse_mixed_rows(file, path, compared)
        )
        sizes, kind = ", ".join(map(str, SIZES)), "samples" if rows else "made-up inputs"
        note = f"{compared.rows} rows of {kind} get the same alone and in batches of {sizes}"
        return record.model_copy(update={"notes": [*record.notes, note]})
    if to is Target.FP16:
        method = Method.FP16
    elif int8 is Int8.AUTO:
        method = int8_method(source.graph)
    else:
        method = Method.INT8_STATIC if int8 is Int8.STATIC else Method.INT8_DYNAMIC
    return convert_model(source, method, converted, samples=rows)


def _rows(record: "ConversionRecord", converted: Path) -> list[tuple[str, str]]:
    """A record has the model under the name that pods give it; here it has the user's."""
    recipe = record.recipe
    share = record.size_bytes / record.source_size_bytes
    rows = [
        ("precision", str(record.precision)),
        ("method", str(recipe.method)),
        ("source", recipe.source_digest),
        ("key", record.key),
        ("digest", record.artifact_digest),
        ("bytes", f"{record.size_bytes:,} ({share:.0%} of the source)"),
        ("files", ", ".join((converted.name, *(row.path for row in record.files[1:])))),
        ("tools", ", ".join(f"{name} {text}" for name, text in recipe.tool_versions.items())),
    ]
    return [*rows, *(("note", note) for note in record.notes)]
