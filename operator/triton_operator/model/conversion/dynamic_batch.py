"""A model whose batch is fixed at 1, rewritten to take any batch.

Axis 0 of every input and output gets a name instead of a length. Where a Reshape of something that
is computed from an input spells the batch as a leading 1, it says -1 instead ("what is left"), or 0
("as long as before") where another axis has the -1. Both are only attempts. Two things have to
hold, or there is no such model and the reason names the node or tensor:

1. shape inference carries a batch of 97 to axis 0 of every output;
2. no node on the way makes rows influence each other (see `row_mixing`).

Whether rows that share a batch get what each gets alone has to be seen too: `rows_together` runs
both. That is not done here, so that a pod can make the same bytes again without samples.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto, numpy_helper, shape_inference

from triton_operator.api.conversion_method import Method
from triton_operator.api.tool_versions import tool_versions
from triton_operator.model import reasons
from triton_operator.model.batch_axis import PROBE_LENGTH, probed_shapes, rows_meeting
from triton_operator.model.conversion.artifact import (
    MOST_INLINE_BYTES,
    loads,
    stamped,
    write_artifact,
)
from triton_operator.model.conversion.eligibility import described
from triton_operator.model.conversion.normal_form import drop_listed_initializers
from triton_operator.model.conversion.record import ConversionRecord, Recipe
from triton_operator.model.conversion.skeleton import skeleton
from triton_operator.model.conversion.source_model import SourceModel
from triton_operator.model.errors import ModelRefused
from triton_operator.model.graph_tensors import real_inputs

AXIS_NAME = "batch"
_OF_SHAPES = ("Shape", "Size")
"""Take nothing of a value but how long it is."""


def with_dynamic_batch(
    source: SourceModel,
    output: Path,
    *,
    most_inline_bytes: int = MOST_INLINE_BYTES,
    check: Callable[[Path], None] = loads,
) -> ConversionRecord:
    """Rewrite `source`, and write the result to `output` if `check` lets it pass.

    Raises:
        ModelRefused: `ConversionRefused`, naming the node or tensor that keeps the batch at 1; what
            `check` raises.
        WorkFailed: `WriteFailed`; what `check` raises.
    """
    _refuse_other_batch(source.graph.graph)
    recipe = Recipe(
        source_digest=source.digest,
        method=Method.DYNAMIC_BATCH,
        parameters={"axis": AXIS_NAME},
        tool_versions=tool_versions(),
    )
    model = ModelProto()
    model.CopyFrom(source.graph)
    drop_listed_initializers(model)
    reshapes = _rewrite(model.graph)
    _refuse_lost_batch(model)
    _refuse_mixing(model)
    stamped(model, source, recipe)
    rows = write_artifact(model, output, recipe, most_inline_bytes=most_inline_bytes, check=check)
    notes = [f"{described(node)} keeps the batch as it comes" for node in reshapes]
    method = Method.DYNAMIC_BATCH
    return ConversionRecord.of(recipe, method.precision, source.facts.size_bytes, rows, notes)


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
    of_inputs = {value.name for value in real_inputs(graph)}
    freed = []
    for index, node in enumerate(graph.node):
        if of_inputs.isdisjoint(node.input):
            # Weights have no batch, whatever their first axis is.
            continue
        of_inputs.update(node.output)
        if node.op_type != "Reshape" or len(node.input) != 2:
            continue
        shape = node.input[1]
        if shape in initializers:
            values = numpy_helper.to_array(initializers[shape])
        elif shape in constants and constants[shape].attribute[0].HasField("t"):
            values = numpy_helper.to_array(constants[shape].attribute[0].t)
        else:
            continue
        if values.ndim == 1 and len(values) > 1 and values[0] == 1:
            batch = 0 if -1 in values else -1
            if _takes_zeros(node) and 0 in (batch, *values):
                # 0 is a length there, and goes with no -1.
                continue
            # A tensor of its own: another node may use the same one.
            name = f"{shape}_{AXIS_NAME}_{index}"
            graph.initializer.append(
                numpy_helper.from_array(np.array([batch, *values[1:]], np.int64), name)
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
                f"{_where_it_ends(graph, value.name, shapes)}, and output '{value.name}' has the "
                f"shape {shapes[value.name]} for a batch of {PROBE_LENGTH}"
            )


def _where_it_ends(
    graph: GraphProto, output: str, shapes: Mapping[str, Sequence[int | None] | None]
) -> str:
    """The first node on the way to the output that takes the batch and gives none."""
    for node in _on_the_way(graph, output):
        before = [shapes.get(name) or [] for name in node.input]
        after = [shapes.get(name) for name in node.output]
        if node.op_type in _OF_SHAPES or not any(PROBE_LENGTH in shape for shape in before):
            continue
        if all(shape is None for shape in after):
            return f"shape inference does not follow the batch through {described(node)}"
        if not any(PROBE_LENGTH in (shape or []) for shape in after):
            return f"{described(node)} does not keep the batch"
    return "no single node ends the batch"


def _on_the_way(graph: GraphProto, output: str) -> list[NodeProto]:
    """The nodes that an output depends on, in their order."""
    needed, found = {output}, []
    for node in reversed(graph.node):
        if not needed.isdisjoint(node.output):
            found.append(node)
            needed.update(node.input)
    return found[::-1]


def _refuse_mixing(model: ModelProto) -> None:
    """What shapes do not show: nodes that work along the batch and keep it."""
    bare = skeleton(model)
    meeting = rows_meeting(bare, probed_shapes(bare))
    if meeting.mixed:
        raise _refused(meeting.mixed)


def _lengths(value: ValueInfoProto) -> list[int | None] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return [axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim]


def _refused(message: str) -> ModelRefused:
    return ModelRefused(reasons.CONVERSION_REFUSED, f"the batch stays fixed at 1: {message}")
