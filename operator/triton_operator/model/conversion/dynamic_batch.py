"""A model whose batch is fixed at 1, rewritten to take any batch, if that can be shown to be right.

Axis 0 of every input and output gets a name instead of a length. Where a Reshape spells the batch
as a leading 1, it says 0 instead, which is "as long as before". Both are only attempts. Two things
have to hold, or the model stays as it is and the reason names the node or tensor:

1. shape inference carries a batch of 97 to axis 0 of every output;
2. rows that share a batch get what each gets alone from the given model. This finds what inference
   cannot: operators that mix rows, such as a Softmax over axis 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto, numpy_helper, shape_inference

from triton_operator.api.enums import Precision
from triton_operator.api.tool_versions import tool_versions
from triton_operator.model import reasons
from triton_operator.model.batch_axis import PROBE_LENGTH
from triton_operator.model.conversion.artifact import MOST_INLINE_BYTES, stamped, write_artifact
from triton_operator.model.conversion.eligibility import described
from triton_operator.model.conversion.normal_form import drop_listed_initializers
from triton_operator.model.conversion.record import ConversionRecord, Recipe
from triton_operator.model.conversion.skeleton import skeleton
from triton_operator.model.conversion.source_model import SourceModel
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.graph_tensors import real_inputs
from triton_operator.model.onnx_session import OnnxSession
from triton_operator.model.sample_rows import Array, Feeds, Samples

METHOD = "DynamicBatch"
AXIS_NAME = "batch"

BATCH = 4
"""Rows that share a batch in the comparison."""

LEAST_ROWS = 2
MOST_RELATIVE_L2 = 1e-4
"""Of a row: products of another size are summed in another order, which measures about 1e-6; rows
that influence each other differ by far more."""


def with_dynamic_batch(
    source: SourceModel,
    output: Path,
    samples: Samples,
    *,
    most_inline_bytes: int = MOST_INLINE_BYTES,
) -> ConversionRecord:
    """Rewrite `source`, prove it on `samples`, and write the result to `output`.

    Raises:
        ModelRefused: `ConversionRefused`, naming the node or tensor that keeps the batch at 1;
            `ModelDoesNotRun`.
        WorkFailed: `SamplesRequired` for fewer than two rows, `WriteFailed`.
    """
    if samples.rows < LEAST_ROWS:
        raise WorkFailed(reasons.SAMPLES_REQUIRED, "rows can share a batch only if there are two")
    _refuse_other_batch(source.graph.graph)
    recipe = Recipe(
        source_digest=source.digest,
        method=METHOD,
        parameters={"axis": AXIS_NAME},
        tool_versions=tool_versions(),
    )
    model = ModelProto()
    model.CopyFrom(source.graph)
    drop_listed_initializers(model)
    reshapes = _rewrite(model.graph)
    _refuse_lost_batch(model)
    stamped(model, source, recipe)
    rows = write_artifact(
        model,
        output,
        recipe,
        most_inline_bytes=most_inline_bytes,
        check=lambda path: _refuse_mixed_rows(source, path, samples),
    )
    kind = "made-up inputs" if samples.generated else "samples"
    notes = [
        f"rows get the same alone and in batches of {BATCH}: {samples.rows} rows of {kind}",
        *(f"{described(node)} keeps the batch as it comes" for node in reshapes),
    ]
    return ConversionRecord.of(recipe, Precision.FP32, source.facts.size_bytes, rows, notes)


def _refuse_other_batch(graph: GraphProto) -> None:
    for role, values in (("input", real_inputs(graph)), ("output", graph.output)):
        for value in values:
            axes = value.type.tensor_type.shape.dim
            if not axes or axes[0].dim_value != 1:
                first = axes[0].dim_value or axes[0].dim_param or "dynamic" if axes else "absent"
                raise _refused(f"axis 0 of {role} '{value.name}' is {first}, not fixed at 1")


def _rewrite(graph: GraphProto) -> list[NodeProto]:
    """Name axis 0 everywhere, and free the Reshapes; gives these back."""
    for value in [*graph.input, *graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = AXIS_NAME
    del graph.value_info[:]
    constants = {node.output[0]: node for node in graph.node if node.op_type == "Constant"}
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    freed = []
    for index, node in enumerate(graph.node):
        if node.op_type != "Reshape" or len(node.input) != 2 or _takes_zeros(node):
            continue
        shape = node.input[1]
        if shape in initializers:
            values = numpy_helper.to_array(initializers[shape])
        elif shape in constants and constants[shape].attribute[0].HasField("t"):
            values = numpy_helper.to_array(constants[shape].attribute[0].t)
        else:
            continue
        if values.ndim == 1 and len(values) > 1 and values[0] == 1:
            # A tensor of its own: another node may use the same one.
            name = f"{shape}_{AXIS_NAME}_{index}"
            graph.initializer.append(
                numpy_helper.from_array(np.array([0, *values[1:]], np.int64), name)
            )
            node.input[1] = name
            freed.append(node)
    return freed


def _takes_zeros(node: NodeProto) -> bool:
    """Whether 0 in its shape is a length of 0."""
    return any(attribute.name == "allowzero" and attribute.i for attribute in node.attribute)


def _refuse_lost_batch(model: ModelProto) -> None:
    probe = skeleton(model)
    for value in probe.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = PROBE_LENGTH
    for value in probe.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        graph = shape_inference.infer_shapes(probe, data_prop=True, strict_mode=True).graph
    except (shape_inference.InferenceError, RuntimeError, ValueError) as error:
        raise _refused(f"shape inference fails for a batch of {PROBE_LENGTH}: {error}") from error
    shapes = {
        value.name: _lengths(value) for value in [*graph.input, *graph.value_info, *graph.output]
    }
    for value in graph.output:
        if (shapes[value.name] or [None])[0] != PROBE_LENGTH:
            raise _refused(
                f"{_where_it_ends(graph.node, shapes)}, and output '{value.name}' has the shape "
                f"{shapes[value.name]} for a batch of {PROBE_LENGTH}"
            )


def _where_it_ends(
    nodes: Sequence[NodeProto], shapes: Mapping[str, list[int | None] | None]
) -> str:
    for node in nodes:
        before = [shapes.get(name) or [] for name in node.input]
        after = [shapes.get(name) or [] for name in node.output]
        if any(PROBE_LENGTH in shape for shape in before) and not any(
            PROBE_LENGTH in shape for shape in after
        ):
            return f"{described(node)} does not keep the batch"
    return "no single node ends the batch"


def _lengths(value: ValueInfoProto) -> list[int | None] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return [axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim]


def _refuse_mixed_rows(source: SourceModel, rewritten: Path, samples: Samples) -> None:
    alone = OnnxSession(source.path, name="the model")
    together = OnnxSession(rewritten, name="the model with a dynamic batch")
    for feeds in _batches(samples, BATCH):
        results = together.run(feeds)
        rows = len(next(iter(feeds.values())))
        for row in range(rows):
            single = alone.run({name: array[row : row + 1] for name, array in feeds.items()})
            for name, expected, found in zip(alone.outputs, single, results, strict=True):
                if len(found) != rows or not _same(expected, found[row : row + 1]):
                    raise _refused(
                        f"output '{name}' of a row is another one when the row shares a batch of "
                        f"{rows}: some operator mixes rows"
                    )


def _batches(samples: Samples, size: int) -> Iterator[Feeds]:
    """Whole inputs lose their extra axis: `[rows, 1, …]` is a batch of rows as well."""
    arrays = {
        tensor.name: samples.arrays[tensor.name][:, 0]
        if samples.arrays[tensor.name].ndim == len(tensor.shape) + 1
        else samples.arrays[tensor.name]
        for tensor in samples.inputs
    }
    for first in range(0, samples.rows, size):
        yield {name: array[first : first + size] for name, array in arrays.items()}


def _same(expected: Array, found: Array) -> bool:
    if expected.shape != found.shape:
        return False
    if expected.dtype.kind != "f":
        return bool(np.array_equal(expected, found))
    a, b = expected.astype(np.float64).ravel(), found.astype(np.float64).ravel()
    usable = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~usable], b[~usable], equal_nan=True):
        return False
    distance = np.linalg.norm(a[usable] - b[usable])
    return bool(distance <= MOST_RELATIVE_L2 * np.linalg.norm(a[usable]))


def _refused(message: str) -> ModelRefused:
    return ModelRefused(reasons.CONVERSION_REFUSED, f"the batch stays fixed at 1: {message}")
