"""Whether axis 0 is a batch axis: may requests be put together along it, and results taken apart?

Triton puts requests together only along axis 0, and loads a model with `max_batch_size` > 0 only if
that axis is dynamic on every input and output. A dynamic axis can still mean something else (rows
found by NonMaxSuppression, a sequence), so there are grades of evidence, and the reason says which:

1. a fixed axis 0, or none, anywhere: no;
2. two names for it (`batch`, `sequence`): no, the file itself says that they differ;
3. shape inference turns a batch of 97 into another length: no;
4. one name everywhere, or inference carries a batch of 97 through: yes;
5. neither: yes, and the reason says that the evidence is weak.

None of this proves that rows do not influence each other; only running the model could.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from onnx import ModelProto

from triton_operator.model.graph_tensors import Axis, GraphTensor, inferred_outputs, real_inputs

PROBE_LENGTH = 97
"""A prime, so that an axis of that length comes from the batch and not from a product of others."""

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
    carried: dict[str, int | None],
) -> BatchAxis:
    """Judge axis 0 of all tensors.

    `carried` has, by name of an output, the length of its axis 0 that shape inference finds when
    every input has `PROBE_LENGTH` rows; None or absent where it finds none.
    """
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
    reaches_all = all(carried.get(tensor.name) == PROBE_LENGTH for tensor in outputs)
    if len(names) == len(tensors):
        text = f"axis 0 is the dynamic axis '{names[tensors[0]]}' of every input and output"
        follow = "; shape inference carries a batch through" if reaches_all else ""
        return BatchAxis(True, f"batchable: {text}{follow}")
    text = "axis 0 of every input and output is dynamic"
    if reaches_all:
        return BatchAxis(True, f"batchable: {text}, and shape inference carries a batch through")
    unnamed = _joined([str(tensor) for tensor in tensors if tensor not in names])
    return BatchAxis(
        True,
        f"batchable, on weaker evidence: {text}, but {unnamed} does not name it, and shape "
        "inference cannot follow it; name the axis when exporting, or set batching mode Off",
    )


def symbol(axis: Axis) -> str | None:
    """The name of a dynamic axis, if somebody chose it."""
    return axis if isinstance(axis, str) and not _GENERATED.fullmatch(axis) else None


def carried_lengths(model: ModelProto) -> dict[str, int | None]:
    """Length of each output's axis 0 when every input has `PROBE_LENGTH` rows, by shape inference.

    Works on a copy; the model should be free of large tensors.
    """
    probe = ModelProto()
    probe.CopyFrom(model)
    for value in real_inputs(probe.graph):
        value.type.tensor_type.shape.dim[0].dim_value = PROBE_LENGTH
    # What the file says about the results would be merged in, or contradict the probe.
    del probe.graph.value_info[:]
    for value in probe.graph.output:
        value.type.tensor_type.ClearField("shape")
    lengths: dict[str, int | None] = {}
    for value in inferred_outputs(probe):
        axes = value.type.tensor_type.shape.dim
        known = len(axes) > 0 and axes[0].HasField("dim_value")
        lengths[value.name] = int(axes[0].dim_value) if known else None
    return lengths


def _not_dynamic(tensor: GraphTensor) -> str | None:
    if not tensor.axes:
        return f"{tensor} is a scalar"
    if isinstance(tensor.axes[0], int):
        return f"{tensor} has batch dimension fixed at {tensor.axes[0]}"
    return None


def _joined(texts: Sequence[str]) -> str:
    rest = f" and {len(texts) - MOST_NAMED} more" if len(texts) > MOST_NAMED else ""
    return ", ".join(texts[:MOST_NAMED]) + rest
