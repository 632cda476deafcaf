"""Memory of one replica: stated, or estimated from the model."""

from dataclasses import dataclass

from triton_operator.api.inference_service import Resources
from triton_operator.api.model_profile import ModelFacts
from triton_operator.planning.quantities import memory_quantity, size_bytes
from triton_operator.triton.memory import MIB, replica_memory_bytes, round_up

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

    `enough_bytes`: pods that are there and have so much may keep it; None: only `memory_bytes` will
    do.
    """

    memory_bytes: int
    reason: str
    enough_bytes: int | None = None


def choose_memory(
    wanted: Resources | None,
    pool: Resources,
    facts: ModelFacts,
    *,
    instances: int,
    max_batch_size: int,
    gpu: bool,
    measured: str | None = None,
) -> MemoryChoice:
    """What the spec or the pool states, else what was measured and some more, else an estimate:
    Triton's own need plus the model's.

    `measured` is the most host memory that such a replica used, by the model's profile. On GPUs it
    only ever adds: somebody may have declared the device's.
    """
    if wanted and wanted.memory:
        return MemoryChoice(
            size_bytes(wanted.memory), f"{wanted.memory} memory from spec.hardware.resources"
        )
    if pool.memory:
        return MemoryChoice(
            size_bytes(pool.memory), f"{pool.memory} memory from the pool's replicaResources"
        )
    estimate = replica_memory_bytes(
        facts, instances=instances, max_batch_size=max_batch_size, gpu=gpu
    )
    if measured is not None:
        peak = size_bytes(measured)
        ample = round_up(peak + max(LEAST_HEADROOM_BYTES, int(HEADROOM * peak)))
        if ample > estimate or not gpu:
            return MemoryChoice(
                ample,
                f"{memory_quantity(ample)} memory: {measured} by the model's profile, and a "
                "quarter more, at least 128Mi",
                int(ENOUGH * peak),
            )
    return MemoryChoice(
        estimate,
        f"{memory_quantity(estimate)} memory estimated from {facts.size_bytes} bytes of weights",
    )
