"""The converted model as files: the same bytes for the same conversion, and proof that it loads."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from onnx import ModelProto, save_model

from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.conversion.node_order import order_nodes
from triton_operator.model.conversion.record import METADATA_KEY, Recipe
from triton_operator.model.conversion.source_model import SourceModel
from triton_operator.model.digest import MODEL_FILE_NAME, file_row
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.graph_tensors import real_inputs
from triton_operator.model.onnx_session import OnnxSession

MOST_INLINE_BYTES = 2_000_000_000
"""A model up to this size is one file. Protobuf's limit is 2,147,483,647 for everything."""

SMALLEST_EXTERNAL_BYTES = 1024
"""Smaller tensors stay in the model file: they may be shapes."""


def finished(model: ModelProto, source: SourceModel, recipe: Recipe) -> ModelProto:
    """The converted graph with the source's own inputs and outputs, in order, and its recipe.

    Raises:
        ModelRefused: `ConversionRefused`, if the tool changed an input or output.
    """
    graph, given = model.graph, source.graph.graph
    inputs, outputs = real_inputs(given), list(given.output)
    if _types(real_inputs(graph)) != _types(inputs) or _types(graph.output) != _types(outputs):
        raise ModelRefused(
            reasons.CONVERSION_REFUSED,
            f"no conversion to {recipe.method}: the tool would change the inputs or outputs to "
            f"{[*_types(real_inputs(graph)), *_types(graph.output)]}",
        )
    # Tools write down shapes that they infer; the interface stays as its author declared it.
    for kept, declared in ((graph.input, inputs), (graph.output, outputs)):
        copies = [type(value).FromString(value.SerializeToString()) for value in declared]
        del kept[:]
        kept.extend(copies)
    order_nodes(graph)
    stamped(model, source, recipe)
    return model


def stamped(model: ModelProto, source: SourceModel, recipe: Recipe) -> None:
    """Write the recipe into the metadata, and take out what tools left behind. Changes `model`."""
    # What is said about values between nodes may be of the old precision.
    del model.graph.value_info[:]
    del model.metadata_props[:]
    model.metadata_props.extend(
        entry for entry in source.graph.metadata_props if entry.key != METADATA_KEY
    )
    model.metadata_props.add(key=METADATA_KEY, value=recipe.canonical())


def loads(path: Path) -> None:
    """Raises ModelRefused: `ModelDoesNotRun`, if ONNX Runtime does not load the model."""
    OnnxSession(path, name="the converted model", optimized=False)


def write_artifact(
    model: ModelProto,
    output: Path,
    recipe: Recipe,
    *,
    most_inline_bytes: int = MOST_INLINE_BYTES,
    check: Callable[[Path], None] = loads,
) -> list[ModelFile]:
    """Write the model to `output`, its weights beside it if it is large; the rows of its files.

    Files appear complete or not at all; `check` sees them before.

    Raises:
        ModelRefused: what `check` raises.
        WorkFailed: `WriteFailed`.
    """
    # A name of its own, so that several conversions can lie in one folder, and no name of the
    # output's, which would be in the bytes.
    weights = f"weights-{recipe.key.removeprefix('sha256:')[:16]}.bin"
    try:
        with tempfile.TemporaryDirectory(prefix=".convert-", dir=output.parent) as folder:
            written = Path(folder) / MODEL_FILE_NAME
            if model.ByteSize() <= most_inline_bytes:
                written.write_bytes(model.SerializeToString(deterministic=True))
            else:
                save_model(
                    model,
                    written,
                    save_as_external_data=True,
                    location=weights,
                    size_threshold=SMALLEST_EXTERNAL_BYTES,
                    convert_attribute=False,
                )
            check(written)
            rows = [file_row(written, MODEL_FILE_NAME)]
            if (beside := Path(folder) / weights).exists():
                rows.append(file_row(beside, weights))
                os.replace(beside, output.parent / weights)
            os.replace(written, output)
    except OSError as error:
        raise WorkFailed(
            reasons.WRITE_FAILED, f"{output} cannot be written: {error.strerror or error}"
        ) from error
    return rows


def _types(values: object) -> list[tuple[str, int]]:
    return [(value.name, value.type.tensor_type.elem_type) for value in values]  # type: ignore[attr-defined]
