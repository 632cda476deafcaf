"""Whether axis 0 is a batch axis: may requests be put together along it, and results taken apart?

Triton puts requests together only along axis 0, and loads a model with `max_batch_size` > 0 only if
that axis is dynamic on every input and output. A dynamic axis can still mean something else (rows
found by NonMaxSuppression, a sequence), so there are grades of evidence, and the reason says which:

1. a fixed axis 0, or none, anywhere: no;
2. two names for it (`batch`, `sequence`): no, the file itself says that they differ;
3. shape inference turns a batch of 97 into another length: no;
4. a node on the way makes rows influence each other (see `row_mixing`): no;
5. one name everywhere, or inference carries a batch of 97 through: yes;
6. neither: yes, and the reason says that the evidence is weak.

Where a batch cannot be followed through all nodes, the reason says from which one on.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnx import ModelProto

from triton_operator.model.graph_tensors import Axis, GraphTensor, inferred_values, real_inputs
from triton_operator.model.row_mixing import Mixing, Shape, mixing

PROBE_LENGTH = 97
"""A prime, so that an axis of that length comes from the batch and not from a product of others."""

OTHER_PROBES = (89, 83)

MOST_NAMED = 4
"""Tensors named in one reason."""

_GENERATED = re.compile(
    r"""
    unk__\d+                                    # tf2onnx, and ONNX's own shape inference
  | [A-Z].*_dim_\d+ | .*_dynamic_axes_\d+       # torch.onnx, where dynamic_axes gave no names
  | (p2o\.)?DynamicDimension\.\d+               # paddle2onnx
  | \? | None | -1
    """,
    re.VERBOSE,
)
"""Names that exporters make up for each unknown length: that two of them differ says nothing."""


@dataclass(frozen=True)
class BatchAxis:
    """The verdict, and the sentence that says why."""

    batchable: bool
    reason: str


def batch_axis(
    inputs: Sequence[GraphTensor],
    outputs: Sequence[GraphTensor],
    probed: Mapping[str, Shape],
    meeting: Mixing | None = None,
) -> BatchAxis:
    """Judge axis 0 of all tensors.

    `probed` has, by name of a value, its shape when every input has `PROBE_LENGTH` rows; absent
    where shape inference finds none. `meeting` is what the nodes do to such rows.
    """
    carried = {tensor.name: (probed.get(tensor.name) or [None])[0] for tensor in outputs}
    tensors = [*inputs, *outputs]
    if wrong := [text for tensor in tensors if (text := _not_dynamic(tensor))]:
        return BatchAxis(False, f"not batchable: {_joined(wrong)}")
    names = {tensor: name for tensor in tensors if (name := symbol(tensor.axes[0]))}
    if len(set(names.values())) > 1:
        # One tensor per name is enough to show the contradiction.
        shown = [
            f"'{name}' on {next(tensor for tensor in names if names[tensor] == name)}"
            for name in dict.fromkeys(names.values())
        ]
        return BatchAxis(False, f"not batchable: axis 0 has different names: {_joined(shown)}")
    if changed := [
        f"{tensor} has {length} rows for a batch of {PROBE_LENGTH}"
        for tensor in outputs
        if (length := carried.get(tensor.name)) is not None and length != PROBE_LENGTH
    ]:
        return BatchAxis(False, f"not batchable: {_joined(changed)}")
    if meeting and meeting.mixed:
        return BatchAxis(False, f"not batchable: {meeting.mixed}")
    told = f"; {meeting.told}" if meeting and meeting.told else ""
    reaches_all = all(carried.get(tensor.name) == PROBE_LENGTH for tensor in outputs)
    if len(names) == len(tensors):
        text = f"axis 0 is the dynamic axis '{names[tensors[0]]}' of every input and output"
        follow = "; shape inference carries a batch through" if reaches_all else ""
        return BatchAxis(True, f"batchable: {text}{follow}{told}")
    text = "axis 0 of every input and output is dynamic"
    if reaches_all:
        follow = "and shape inference carries a batch through"
        return BatchAxis(True, f"batchable: {text}, {follow}{told}")
    unnamed = _joined([str(tensor) for tensor in tensors if tensor not in names])
    return BatchAxis(
        True,
        f"batchable, on weaker evidence: {text}, but {unnamed} does not name it, and shape "
        "inference cannot follow it; name the axis when exporting, or set batching mode Off",
    )


def symbol(axis: Axis) -> str | None:
    """The name of a dynamic axis, if somebody chose it."""
    return axis if isinstance(axis, str) and not _GENERATED.fullmatch(axis) else None


def probed_shapes(model: ModelProto, rows: int = PROBE_LENGTH) -> Mapping[str, Shape]:
    """Shapes of all values when every input has `rows` rows, where shape inference finds them.

    Works on a copy; the model should be free of large tensors.
    """
    probe = ModelProto()
    probe.CopyFrom(model)
    inputs = real_inputs(probe.graph)
    for value in inputs:
        value.type.tensor_type.shape.dim[0].dim_value = rows
    # What the file says about the results would be merged in, or contradict the probe.
    del probe.graph.value_info[:]
    for value in probe.graph.output:
        value.type.tensor_type.ClearField("shape")
    weights = {tensor.name: list(tensor.dims) for tensor in probe.graph.initializer}
    return weights | {
        value.name: [
            int(axis.dim_value) if axis.HasField("dim_value") else None
            for axis in value.type.tensor_type.shape.dim
        ]
        for value in [*inputs, *inferred_values(probe)]
        if value.type.tensor_type.HasField("shape")
    }


def rows_meeting(model: ModelProto, probed: Mapping[str, Shape]) -> Mixing:
    """What the nodes do to rows that share a batch.

    A length of the model's own may be that of the probe: only what two probes show is a verdict.
    """
    first = mixing(model, probed, PROBE_LENGTH)
    if first.mixed is None:
        return first
    seen = [first]
    for rows in OTHER_PROBES:
        found = mixing(model, probed_shapes(model, rows), rows)
        if found in seen or found.mixed is None:
            return found
        seen.append(found)
    return Mixing()


def _not_dynamic(tensor: GraphTensor) -> str | None:
    if not tensor.axes:
        return f"{tensor} is a scalar"
    if isinstance(tensor.axes[0], int):
        return f"{tensor} has batch dimension fixed at {tensor.axes[0]}"
    return None


def _joined(texts: Sequence[str]) -> str:
    rest = f" and {len(texts) - MOST_NAMED} more" if len(texts) > MOST_NAMED else ""
    return ", ".join(texts[:MOST_NAMED]) + rest
