"""Rows put together as Triton puts strangers' requests together: in batches, in no order of theirs.

A copy in dynamic INT8 takes the range of its activations from everything in a batch, so a row that
is far larger than its neighbours takes their digits away. Alone, each of them is answered well.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from triton_operator.model.contents import contents
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.sample_rows import Array, Feeds, Samples
from triton_operator.model.structure import parsed

MOST_TOGETHER = 16
"""Rows in a batch: the largest that is measured on CPUs, where such copies run."""

_SEED = 1
_RANGES_WHILE_RUNNING = "DynamicQuantize"
"""Begins the name of every operator, ONNX's or ONNX Runtime's, that finds ranges at each run."""


def rows_may_meet(copy: Path) -> bool:
    """Whether the copy finds ranges of activations while it runs, over all rows of a batch.

    With other copies a row's neighbours matter as much as with FP32.
    """
    limits = InspectionLimits()
    nodes = contents(parsed(copy, limits), limits).nodes
    return any(node.op_type.startswith(_RANGES_WHILE_RUNNING) for node in nodes)


def batches(samples: Samples) -> Iterator[list[Feeds]]:
    """All rows once, those of one batch together: in an order that is the same every time, and no
    one's. A request that has several rows counts as these.
    """
    first = samples.run_from(0)
    rows = {len(array) for array in first.values()}
    size = max(1, MOST_TOGETHER // rows.pop()) if len(rows) == 1 else 1
    # PCG64 by name: NumPy may change what default_rng means.
    order = np.random.Generator(np.random.PCG64(_SEED)).permutation(samples.rows)
    for begin in range(0, samples.rows, size):
        yield [samples.run_from(int(row)) for row in order[begin : begin + size]]


def together(requests: Sequence[Feeds]) -> Feeds:
    """The requests as one batch."""
    return {name: np.concatenate([feeds[name] for feeds in requests]) for name in requests[0]}


def taken_apart(answer: Array, requests: int) -> Sequence[Array]:
    """Each request's part of one output; all of it for each where it cannot be cut so."""
    if not answer.ndim or len(answer) % requests:
        return [answer] * requests
    return np.split(answer, requests)
