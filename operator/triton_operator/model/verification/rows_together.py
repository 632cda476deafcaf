"""Whether rows that share a batch get what each gets alone: from the copy of a model whose batch is
fixed at 1, and from that model.

Every row is run alone through the model, and in batches of several sizes through the copy, beside
strangers (see `shared_batches`). It is compared more closely than a copy in another precision: the
same arithmetic in another order gives the same but for the last digits, and whatever differs by
more has to do with the neighbours, so that no share of rows is enough. All of them have to agree.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from triton_operator.model import reasons
from triton_operator.model.conversion.eligibility import described
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.onnx_session import OnnxSession
from triton_operator.model.sample_rows import Array, Feeds, Samples
from triton_operator.model.structure import parsed
from triton_operator.model.verification.shared_batches import MOST_TOGETHER, batches, together

SIZES = (2, 7, MOST_TOGETHER)
"""Of batches: the smallest, one that kernels for powers of two have to pad, and the largest."""

MOST_RELATIVE_L2 = 1e-4
"""Of a row of floats: products of another size are summed in another order, which measures about
1e-6; rows that influence each other differ by far more. Anything but floats has to be equal."""


def refuse_mixed_rows(model: Path, copy: Path, samples: Samples) -> None:
    """Run all rows through both files.

    Raises:
        ModelRefused: `ConversionRefused`, naming the output in which a row differs;
            `ModelDoesNotRun`.
        WorkFailed: `SamplesRequired`: there are no two rows that differ, so none has a neighbour
            that could be seen.
    """
    if not _differ(samples):
        raise WorkFailed(
            reasons.SAMPLES_REQUIRED,
            "whether rows that share a batch influence each other can be seen only of two that "
            "differ; give samples with different rows",
        )
    alone = OnnxSession(model, name="the model")
    batched = OnnxSession(copy, name="the model with a dynamic batch")
    for requests in batches(samples):
        expected = [alone.run(feeds) for feeds in requests]
        for size in SIZES:
            for first in range(0, len(requests), size):
                some = slice(first, first + size)
                if wrong := _difference(batched, requests[some], expected[some]):
                    raise _refused(f"{wrong}: {_suspect(copy)}")


def _difference(
    batched: OnnxSession, requests: Sequence[Feeds], expected: Sequence[Sequence[Array]]
) -> str | None:
    """What is not as it should be in the first output of which something is not."""
    rows = len(requests)
    results = batched.run(together(requests))
    for index, (name, found) in enumerate(zip(batched.outputs, results, strict=True)):
        if len(found) != rows:
            return f"output '{name}' has {len(found)} rows for a batch of {rows}"
        for row in range(rows):
            if not _same(expected[row][index], found[row : row + 1]):
                return (
                    f"output '{name}' of a row is another one when the row shares a batch of {rows}"
                )
    return None


def _suspect(copy: Path) -> str:
    """The first node that joins along axis 0, or moves that elsewhere: a run does not tell which
    one it is, and such a node need not be wrong."""
    for node in parsed(copy, InspectionLimits()).graph.node:
        given = {attribute.name: attribute for attribute in node.attribute}
        joins = node.op_type == "Concat" and "axis" in given and given["axis"].i == 0
        moves = node.op_type == "Transpose" and ("perm" not in given or given["perm"].ints[0] != 0)
        if joins or moves:
            return f"some operator mixes rows, maybe {described(node)}, which changes axis 0"
    return "some operator mixes rows"


def _differ(samples: Samples) -> bool:
    return any(
        not np.array_equal(array[:1], array[row : row + 1])
        for array in samples.arrays.values()
        for row in range(1, len(array))
    )


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
