"""Memory of one replica: stated, or estimated from the model."""

from dataclasses import dataclass

from triton_operator.api.enums import MeasurementSource
from triton_operator.api.inference_service import Resources
from triton_operator.api.model_profile import Measurement, ModelFacts
from triton_operator.planning.measurements import is_on_samples
from triton_operator.planning.quantities import memory_quantity, size_bytes
from triton_operator.triton.memory import MIB, replica_memory_bytes, round_up
from triton_operator.triton.tensor_shapes import item_shape

HEADROOM = 0.25
"""Share of the most memory that was measured, on top of it: other requests than those of the
measurement may come, and a limit that is met ends the pod."""
LEAST_HEADROOM_BYTES = 128 * MIB
"""Of a small model a quarter is little, and what waits in a queue takes memory by its own size."""
ENOUGH = 1.1
"""Times the most memory that was measured: pods that have as much are not replaced for memory
alone."""


@dataclass(frozen=True)
class MemoryChoice:
    """Request and limit of a replica's host memory, in bytes.

    `enough_bytes`: pods that are there and have so much may keep it, if nobody stated it; None:
    only `memory_bytes` will do. `stated`: by the spec or the pool.
    """

    memory_bytes: int
    reason: str
    enough_bytes: int | None = None
    stated: bool = False


def choose_memory(
    wanted: Resources | None,
    pool: Resources,
    facts: ModelFacts,
    *,
    instances: int,
    max_batch_size: int,
    gpu: bool,
    row: Measurement | None = None,
) -> MemoryChoice:
    """What the spec or the pool states, else what was measured and some more, else an estimate:
    Triton's own need plus the model's.

    `row` is what the model's profile says of such a replica. Its memory takes the place of a larger
    estimate only where nothing speaks against it (see `_doubt`), and else only ever adds.
    """
    if wanted and wanted.memory:
        return MemoryChoice(
            size_bytes(wanted.memory),
            f"{wanted.memory} memory from spec.hardware.resources",
            stated=True,
        )
    if pool.memory:
        return MemoryChoice(
            size_bytes(pool.memory),
            f"{pool.memory} memory from the pool's replicaResources",
            stated=True,
        )
    estimate = replica_memory_bytes(
        facts, instances=instances, max_batch_size=max_batch_size, gpu=gpu
    )
    estimated = (
        f"{memory_quantity(estimate)} memory estimated from {facts.size_bytes} bytes of weights"
    )
    if row is None:
        return MemoryChoice(estimate, estimated)
    if row.memory is None:
        # A Triton that had to start anew has no number: nothing new is known of memory, and what
        # an earlier measurement gave may stay.
        measured = row.source is MeasurementSource.MEASURED
        return MemoryChoice(estimate, estimated, 0 if measured else None)
    peak = size_bytes(row.memory)
    ample = round_up(peak + max(LEAST_HEADROOM_BYTES, int(HEADROOM * peak)))
    doubt = _doubt(row, facts, max_batch_size, gpu=gpu)
    if doubt and ample <= estimate:
        return MemoryChoice(
            estimate,
            f"{estimated}; {row.memory} by the model's profile do not make it less: {doubt}",
        )
    return MemoryChoice(
        ample,
        f"{memory_quantity(ample)} memory: {row.memory} by the model's profile, and a quarter "
        "more, at least 128Mi",
        int(ENOUGH * peak),
    )


def _doubt(row: Measurement, facts: ModelFacts, max_batch_size: int, *, gpu: bool) -> str | None:
    """Why a replica may need more than was measured; None: nothing says so."""
    if gpu:
        return "it may be a GPU's own"
    for tensor in facts.inputs:
        if any(axis < 0 for axis in item_shape(tensor, max_batch_size)):
            return f"input {tensor.name} has an axis of any length"
    if is_on_samples(row) is False:
        return "it was measured on made-up inputs"
    largest = max((one.batch_size for one in row.latency), default=0)
    if max_batch_size > largest:
        return f"it was measured with batches of up to {largest}, and not {max_batch_size}"
    return None
