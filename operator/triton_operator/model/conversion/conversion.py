"""From a model file to a converted one: read, check, bring into form, convert, finish, write.

A dynamic batch changes no weights: that conversion is all in `dynamic_batch`.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from onnx import ModelProto, load_model

from triton_operator.api.conversion_method import Method
from triton_operator.api.tool_versions import tool_versions
from triton_operator.model import reasons
from triton_operator.model.conversion import dynamic_int8, half, static_int8
from triton_operator.model.conversion.artifact import (
    MOST_INLINE_BYTES,
    finished,
    write_artifact,
)
from triton_operator.model.conversion.dynamic_batch import with_dynamic_batch
from triton_operator.model.conversion.eligibility import is_quantized, refuse_ineligible
from triton_operator.model.conversion.normal_form import normalised
from triton_operator.model.conversion.quiet import quiet
from triton_operator.model.conversion.record import (
    Calibration,
    ConversionRecord,
    Recipe,
)
from triton_operator.model.conversion.source_model import SourceModel
from triton_operator.model.errors import ModelFailure, ModelRefused, WorkFailed
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.sample_rows import Samples

_PARAMETERS: Mapping[Method, Mapping[str, Any]] = MappingProxyType(
    {
        Method.FP16: half.PARAMETERS,
        Method.INT8_DYNAMIC: dynamic_int8.PARAMETERS,
        Method.INT8_STATIC: static_int8.PARAMETERS,
    }
)


@dataclass(frozen=True)
class Converted:
    """A graph, notes on what was done differently for single nodes, and where ranges came from."""

    model: ModelProto
    notes: list[str]
    calibration: Calibration | None = None


def recipe_for(source_digest: str, method: Method, calibration: Calibration | None) -> Recipe:
    """What the conversion depends on."""
    return Recipe(
        source_digest=source_digest,
        method=method,
        parameters=_PARAMETERS[method],
        calibration=calibration,
        tool_versions=tool_versions(),
    )


def convert_model(
    source: SourceModel,
    method: Method,
    output: Path,
    *,
    samples: Samples | None = None,
    calibration: Calibration | None = None,
    limits: InspectionLimits | None = None,
    most_inline_bytes: int = MOST_INLINE_BYTES,
) -> ConversionRecord:
    """Convert `source` and write the result to `output`.

    Static INT8 has its ranges from `calibration`, else from `samples` of real inputs; the other
    methods need neither. Takes five times the model's size of memory to FP16 or a dynamic batch, up
    to nine times to INT8, and twice of temporary files.

    Raises:
        ModelRefused: `ConversionRefused`, naming the node or tensor; `ModelDoesNotRun`.
        WorkFailed: `SamplesRequired`, for static INT8 without either; `WriteFailed`.
        MemoryError: there is not enough for it.
    """
    if method is Method.DYNAMIC_BATCH:
        return with_dynamic_batch(source, output, most_inline_bytes=most_inline_bytes)
    real = samples is not None and not samples.generated
    if method is Method.INT8_STATIC and calibration is None and not real:
        raise WorkFailed(
            reasons.SAMPLES_REQUIRED,
            f"{method} takes the ranges of activations from samples of real inputs; give an .npz "
            "with one array per input",
        )
    refuse_ineligible(source.graph, method, limits or InspectionLimits())
    working = ModelProto()
    working.CopyFrom(source.graph)
    model, notes = normalised(working, method)
    large = source.facts.size_bytes > most_inline_bytes
    try:
        with quiet():
            converted = _converted(model, method, samples, calibration, large=large)
    except (ModelFailure, MemoryError):
        raise
    except OSError as error:
        raise WorkFailed(
            reasons.WRITE_FAILED,
            f"no conversion to {method}: temporary files cannot be written: "
            f"{error.strerror or error}",
            retryable=True,
        ) from error
    except Exception as error:  # The tools raise anything, for what they did not foresee.
        raise ModelRefused(
            reasons.CONVERSION_REFUSED,
            f"no conversion to {method}: ONNX Runtime's tool fails: {type(error).__name__}: "
            f"{error}",
        ) from error
    recipe = recipe_for(source.digest, method, converted.calibration)
    model = finished(converted.model, source, recipe)
    rows = write_artifact(model, output, recipe, most_inline_bytes=most_inline_bytes)
    return ConversionRecord.of(
        recipe, method.precision, source.facts.size_bytes, rows, [*notes, *converted.notes]
    )


def _converted(
    model: ModelProto,
    method: Method,
    samples: Samples | None,
    calibration: Calibration | None,
    *,
    large: bool,
) -> Converted:
    if method is Method.FP16:
        return Converted(*half.to_half(model))
    kinds = ", ".join(sorted({node.op_type for node in model.graph.node}))
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="triton-operator-convert-") as name:
        folder = Path(name)
        into = folder / "quantized.onnx"
        if method is Method.INT8_DYNAMIC:
            calibration = None
            dynamic_int8.quantize_dynamically(model, into, large=large)
        else:
            path = static_int8.prepared(model, folder, large=large)
            if calibration is None:
                assert samples is not None, "refused before"
                rows = samples.chosen(static_int8.calibration_rows(samples))
                found = static_int8.calibrated(path, rows, folder, large=large)
                calibration = Calibration(samples_digest=samples.digest, ranges=found)
                notes.append(f"calibrated on {rows.rows} rows")
            static_int8.quantize_statically(path, into, calibration.ranges, folder, large=large)
        quantized = load_model(into)
    if not any(is_quantized(node) for node in quantized.graph.node):
        raise ModelRefused(
            reasons.CONVERSION_REFUSED,
            f"no conversion to {method}: no node has constant weights that it could quantise (the "
            f"model has {kinds})",
        )
    return Converted(quantized, notes, calibration)
