"""What is measured on a pool: the plan's own way, with batches as large as may be worth it."""

from triton_operator.api.enums import BatchingMode, ModelFormat
from triton_operator.api.inference_service import Batching, InferenceServiceSpec
from triton_operator.api.model_profile import Measurement, ModelFacts
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.triton.backends import BACKENDS

MOST_CPU_BATCH = 16
MOST_GPU_BATCH = 64
"""Four times what an unmeasured model gets: larger ones rarely do more, and take memory."""


def engine_of(format: ModelFormat) -> str:
    """What runs a model of this format, as measurements name it."""
    return BACKENDS[format].name


def unmeasurable(facts: ModelFacts) -> str | None:
    """Why no Job can measure the model; None: one can."""
    if facts.repository is not None:
        return "a repository's models have batches and instances of their own"
    return None


def candidate(spec: InferenceServiceSpec, facts: ModelFacts, row: PoolPlan) -> PoolPlan:
    """The row of the plan as it is measured.

    Where the batch size is free, it is as large as the model and the spec allow, up to a bound,
    and the memory follows it. Nothing is rejected, however long it waits.
    """
    if spec.batching.mode is BatchingMode.AUTO and facts.batchable:
        most = MOST_GPU_BATCH if row.pool.is_gpu else MOST_CPU_BATCH
        bounds = (most, spec.batching.max_batch_size, facts.max_batch_size)
        batching = Batching(
            mode=BatchingMode.FIXED, max_batch_size=min(one for one in bounds if one)
        )
    else:
        batching = Batching(mode=spec.batching.mode, max_batch_size=spec.batching.max_batch_size)
    here = spec.hardware.model_copy(update={"pools": [row.pool.name]})
    wanted = spec.model_copy(update={"batching": batching, "hardware": here})
    plan = plan_service(wanted, facts, [row.pool])
    # A pool that has no room for the larger one is measured as it is.
    return plan.pools[0] if isinstance(plan, Plan) else row


def is_measured(row: PoolPlan, facts: ModelFacts, known: Measurement) -> bool:
    """Whether a row of a profile is about what this row of the plan runs, on such hardware.

    What a profile leaves out (release, instances, threads) it says of all. Which CPU a pool has,
    nobody knows before a pod has run there: a measurement on any CPU counts.
    """
    instances = row.instances * max(1, row.accelerators)
    return (
        bool(known.latency)
        and known.precision is row.precision
        and known.engine == engine_of(facts.format)
        and known.hardware.product == row.pool.product
        and known.hardware.triton_release in (None, str(row.release))
        and known.instances in (None, instances)
        and known.threads in (None, row.threads)
    )
