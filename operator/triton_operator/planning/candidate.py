"""What is measured on a pool: the plan's own way, with batches as large as may be worth it."""

from dataclasses import replace

from triton_operator.api.enums import BatchingMode
from triton_operator.api.inference_service import Batching, InferenceServiceSpec
from triton_operator.api.model_profile import Measurement, ModelFacts
from triton_operator.planning.batching import is_free, largest_allowed
from triton_operator.planning.fit import ReplicaNeed, Verdict, fit_of
from triton_operator.planning.measurements import engine_of, on_hardware_of
from triton_operator.planning.memory import choose_memory
from triton_operator.planning.objective import latency_bound_milliseconds
from triton_operator.planning.overload import choose_queue
from triton_operator.planning.plan import PoolPlan
from triton_operator.planning.pools import Pool
from triton_operator.triton.releases import image_architectures

MOST_CPU_BATCH = 16
MOST_GPU_BATCH = 64
"""Four times what an unmeasured model gets: larger ones rarely do more, and take memory."""


def unmeasurable(facts: ModelFacts) -> str | None:
    """Why no Job can measure the model; None: one can."""
    if facts.repository is not None:
        return "a repository's models have batches and instances of their own"
    return None


def is_nameless(pool: Pool) -> bool:
    """Whether nothing says which accelerator the pool has: numbers of it could not be told from
    those of any other.
    """
    return pool.is_gpu and pool.product is None


def candidate(spec: InferenceServiceSpec, facts: ModelFacts, row: PoolPlan) -> PoolPlan:
    """The row of the plan as it is measured: as many instances, with as many threads.

    Where the batch size is free, it is as large as the model and the spec allow, up to a bound,
    and the memory follows it. Nothing is rejected, however long it waits.
    """
    if not is_free(spec.batching, facts):
        return _unhurried(spec, row)
    most = MOST_GPU_BATCH if row.pool.is_gpu else MOST_CPU_BATCH
    size = min(filter(None, (most, largest_allowed(spec.batching, facts))))
    memory = choose_memory(
        spec.hardware.resources,
        row.pool.replica_resources,
        facts,
        # Triton starts the instances once per device.
        instances=row.instances * max(1, row.accelerators),
        max_batch_size=size,
        gpu=row.pool.is_gpu,
    )
    larger = replace(
        row,
        max_batch_size=size,
        dynamic_batching=size > 1,
        memory_bytes=max(memory.memory_bytes, row.memory_bytes),
    )
    need = ReplicaNeed(
        larger.cpu_request_millicores,
        larger.memory_bytes,
        larger.accelerators,
        image_architectures(larger.image),
    )
    # A pool that has no room for the larger one is measured as it is.
    has_room = fit_of(row.pool, need).verdict is not Verdict.MISFIT
    return _unhurried(spec, larger if has_room else row)


def is_measured(row: PoolPlan, facts: ModelFacts, known: Measurement) -> bool:
    """Whether a row of a profile is about what this row of the plan runs, on such hardware.

    A profile that names no release or threads says it of all. Which CPU a pool has, nobody knows
    before a pod has run there: a measurement on any CPU counts.
    """
    return (
        bool(on_hardware_of(row.pool, [known]))
        and known.precision is row.precision
        and known.engine == engine_of(facts)
        and known.hardware.triton_release in (None, str(row.release))
        and (known.instances or 1) == row.instances
        and known.threads in (None, row.threads)
    )


def _unhurried(spec: InferenceServiceSpec, row: PoolPlan) -> PoolPlan:
    """The row without a limit on how long a request waits."""
    queue = choose_queue(
        Batching(mode=BatchingMode.AUTO),
        latency_bound_milliseconds(spec),
        batched=row.dynamic_batching,
        single_instance=row.instances * max(1, row.accelerators) == 1,
    )
    return replace(
        row,
        queue_delay_microseconds=queue.delay,
        queue_timeout_microseconds=queue.timeout,
        measured=None,
    )
