"""What a ModelProfile says of a copy: it is made, and compared with the model here.

A copy in FP32 differs from the model in its batch, and is compared row by row with that alone.
Whether its agreement is enough is not decided here: that is each service's to say.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

from onnx import ModelProto

from triton_operator.api.conversion_method import LEAST_ROWS, Method
from triton_operator.api.enums import Precision
from triton_operator.api.model_profile import Conversion
from triton_operator.api.tool_versions import tool_versions
from triton_operator.model import reasons
from triton_operator.model.conversion.conversion import convert_model
from triton_operator.model.conversion.method import int8_method
from triton_operator.model.conversion.record import Calibration, ConversionRecord
from triton_operator.model.conversion.source_model import SourceModel, read_source
from triton_operator.model.digest import MODEL_FILE_NAME
from triton_operator.model.errors import ModelRefused, WorkFailed, printable
from triton_operator.model.fetch import not_writable
from triton_operator.model.generated_rows import generated_samples
from triton_operator.model.progress import Say
from triton_operator.model.sample_rows import MOST_BYTES, Samples, read_samples
from triton_operator.model.samples_file import named
from triton_operator.model.verification.held_out import rows_to_verify
from triton_operator.model.verification.pair import read_pair
from triton_operator.model.verification.rows_together import refuse_mixed_rows
from triton_operator.model.verification.shared_batches import MOST_TOGETHER
from triton_operator.model.verification.verification import (
    Verification,
    verify,
)

MOST_RANGES = 2048
"""Characters in a row, for 768 activations: the report has 4,096 bytes for everything."""
_AGREEMENT_STEP = Decimal("0.000001")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Which model, in which precision, compared on what; `samples` None: on made-up inputs.

    `time` is RFC 3339. A copy against which nothing stands is left in `keep_in`; None: thrown away.
    """

    model: Path
    precision: Precision
    samples: Path | None
    time: str
    say: Say
    most_sample_bytes: int = MOST_BYTES
    keep_in: Path | None = None


def copy_row(asked: Comparison) -> Conversion:
    """Convert the model and compare; what stands against the copy is in the row.

    Raises:
        ModelFailure: the model or the samples cannot be read, this process has no room for it, or
            `keep_in` cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="triton-operator-copy-") as folder:
        copy = Path(folder) / MODEL_FILE_NAME
        row, record, samples = _converted(asked, copy)
        if record is None or samples is None:
            return row
        asked.say(f"{record.recipe.method}: {record.size_bytes} bytes, {record.artifact_digest}")
        found = (
            _together(asked, copy, samples)
            if asked.precision is Precision.FP32
            else _compared(asked, copy, record, samples)
        )
        row = _with(row, **found)
        if asked.keep_in is not None and row.refusal is None:
            _keep(row, copy.parent, asked.keep_in)
        return row


def _keep(row: Conversion, folder: Path, into: Path) -> None:
    try:
        for file in row.files:
            shutil.move(folder / file.path, into / file.path)
    except OSError as error:
        raise not_writable(into, error) from error


def _method(precision: Precision, graph: ModelProto) -> Method:
    if precision is Precision.FP32:
        return Method.DYNAMIC_BATCH
    return Method.FP16 if precision is Precision.FP16 else int8_method(graph)


def _converted(
    asked: Comparison, copy: Path
) -> tuple[Conversion, ConversionRecord | None, Samples | None]:
    """The row so far. The source is in memory here only: two sessions have to fit in there after
    it.
    """
    source = read_source(asked.model)
    method = _method(asked.precision, source.graph)
    samples = None
    if asked.samples is not None:
        with named():
            samples = read_samples(
                asked.samples, source.facts.inputs, most_bytes=asked.most_sample_bytes
            )
    row = Conversion(
        precision=asked.precision,
        method=method,
        tool_versions=tool_versions(),
        samples_digest=None if samples is None else samples.digest,
        time=asked.time,
    )
    asked.say(f"converting {source.digest} to {method}")
    try:
        record = convert_model(source, method, copy, samples=samples)
    except ModelRefused as error:
        return _refused(row, error), None, None
    except WorkFailed as error:
        if error.failure.reason != reasons.SAMPLES_REQUIRED:
            raise
        return _refused(row, error), None, None
    for note in record.notes:
        asked.say(note)
    row = _with(row, digest=record.artifact_digest, files=[file.wire() for file in record.files])
    if calibration := record.recipe.calibration:
        if len(calibration.ranges) > MOST_RANGES:
            return _with(row, refusal=_too_many(calibration)), None, None
        row = _with(row, ranges=calibration.ranges)
    try:
        return row, record, samples or _made_up(source)
    except WorkFailed as error:
        return _refused(row, error), None, None


def _too_many(calibration: Calibration) -> str:
    return (
        f"the ranges of its activations take {len(calibration.ranges)} characters, and a profile "
        f"has {MOST_RANGES} for them: pods could not make the copy again; store the output of "
        "`triton-operator model convert` and serve that"
    )


def _made_up(source: SourceModel) -> Samples:
    return generated_samples(source.digest, source.facts.inputs, LEAST_ROWS)


def _compared(
    asked: Comparison, copy: Path, record: ConversionRecord, samples: Samples
) -> Mapping[str, Any]:
    """Agreement, rows, and what stands against the copy whatever its agreement is."""
    with named():
        rows, note = rows_to_verify(samples, record.recipe)
    asked.say(f"comparing on {note or f'{rows.rows} rows'}")
    try:
        pair = read_pair(asked.model, copy)
        # Any agreement is taken here, so what is rejected is rejected for something else.
        verdict = verify(asked.model, copy, pair.outputs, rows, 0.0, batchable=pair.batchable)
    except ModelRefused as error:
        return {"refusal": error.failure.message}
    asked.say(verdict.reason)
    return {
        "agreement": agreement_text(verdict.agreement),
        "rows": verdict.rows,
        "batch_size": verdict.batch_size,
        "refusal": _objection(verdict),
    }


def _together(asked: Comparison, copy: Path, samples: Samples) -> Mapping[str, Any]:
    """All rows agree, or there is no such copy."""
    asked.say(f"comparing on {samples.rows} rows, alone and in batches")
    try:
        refuse_mixed_rows(asked.model, copy, samples)
    except ModelRefused as error:
        return {"refusal": error.failure.message}
    except WorkFailed as error:
        if error.failure.reason != reasons.SAMPLES_REQUIRED:
            raise
        return {"refusal": error.failure.message}
    together = min(samples.rows, MOST_TOGETHER)
    return {"agreement": "1", "rows": samples.rows, "batch_size": together}


def _objection(verdict: Verification) -> str | None:
    if not verdict.accepted:
        return printable(verdict.reason)
    if not verdict.deterministic:
        return "the copy does not give the same bits for the same input twice"
    return None


def agreement_text(agreement: float) -> str:
    """Six digits, cut: a share that misses a bound is not rounded up to it."""
    # By its shortest spelling: 0.29 is not a little less than 0.29.
    cut = Decimal(repr(agreement)).quantize(_AGREEMENT_STEP, ROUND_FLOOR).normalize()
    return f"{cut:f}"


def _refused(row: Conversion, error: ModelRefused | WorkFailed) -> Conversion:
    return _with(row, refusal=error.failure.message)


def _with(row: Conversion, **changes: Any) -> Conversion:
    known = {name: value for name, value in changes.items() if value is not None}
    return Conversion.model_validate({**row.wire(), **known})
