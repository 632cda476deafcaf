"""What is measured on a pool: the ways to run among which the plan chooses, FP32 first.

Each is measured with batches as large as may be worth it, by a Job of its own, and all of them
within one budget.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from triton_operator.api.enums import (
    BatchingMode,
    Engine,
    MeasurementEnd,
    MeasurementSource,
    Precision,
    PrecisionMode,
)
from triton_operator.api.inference_service import Batching, InferenceServiceSpec
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.planning.batching import choose_batching, is_free, largest_allowed
from triton_operator.planning.compute import choose_compute
from triton_operator.planning.copies import facts_of_copy
from triton_operator.planning.engines import Runtime, alternative
from triton_operator.planning.fit import ReplicaNeed, Verdict, fit_of
from triton_operator.planning.measurements import (
    engine_of,
    is_of_copy,
    is_on_samples,
    on_hardware_of,
    refusals_on_hardware_of,
)
from triton_operator.planning.memory import choose_memory
from triton_operator.planning.objective import latency_bound_milliseconds
from triton_operator.planning.overload import choose_queue
from triton_operator.planning.plan import PoolPlan
from triton_operator.planning.pools import Pool
from triton_operator.planning.rebatching import as_served
from triton_operator.planning.refusal import Refusal
from triton_operator.triton.backends import BACKENDS
from triton_operator.triton.releases import image_architectures

MOST_CPU_BATCH = 16
MOST_GPU_BATCH = 64
"""Four times what an unmeasured model gets: larger ones rarely do more, and take memory."""
_ENDED_FOR_ALL = frozenset({MeasurementEnd.SLOWER, MeasurementEnd.FAILED, MeasurementEnd.BUDGET})
"""Another try would end there too. Rows of earlier versions do not say why they ended: where they
are too short, they are measured once more."""
_ROUNDED = 0.999
"""Profiles have times of four digits: one that was too long by less may be at the bound there."""
MOST_MEASURED = 7
"""Four numbers of instances of the model as it is stored, and three copies."""
MOST_BY_ENGINE = 4
"""More of these by another engine: the model as it is stored, and a copy that takes any batch, one
in FP16 and one in INT8."""


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


def to_measure(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    ways: Sequence[PoolPlan],
    known: Sequence[Measurement],
) -> tuple[PoolPlan, ...]:
    """Those of `ways` of which `known` does not say enough for this service."""
    return tuple(
        way
        for way in ways
        if not any(is_measured(way, facts, one) and _settles(spec, way, one) for one in known)
    )


def seconds_for_each(spec: InferenceServiceSpec, ways: int) -> int:
    """What one of so many ways of a pool may take of their budget, in seconds, loading not counted.

    Equal parts, of those that are known too: so a part stays the same while one after the other
    becomes known.
    """
    return max(1, spec.measurement.budget_seconds // ways)


def most_ways(pool: Pool) -> int:
    """More ways than so many are never compared on the pool, whatever copies there are."""
    return MOST_MEASURED + (MOST_BY_ENGINE if pool.engines else 0)


def ways_to_compare(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    row: PoolPlan,
    known: Sequence[Measurement],
) -> tuple[PoolPlan, ...]:
    """The ways to run on the pool of a plan's row that a service compares, known or not.

    They are in the order in which they are measured, by what is likely to do more. The model as it
    is stored comes first, in the plan's own way and then with the cores used in other ways: how
    that does tells in which way copies are tried first, which come next, and in which way the other
    engine of the pool is tried, which comes last. Of a precision and engine of which somebody
    declared numbers in `known`, what the plan does not run is left out: whoever declares has chosen
    what to compare.
    """
    if spec.precision.mode in (PrecisionMode.AUTO, PrecisionMode.FP32):
        copies = [None, *(one.usable for one in row.prospects if one.usable)]
        awaited = False
    else:
        copies = [row.copy]
        awaited = row.copy is None and bool(row.wanted_precisions)
    # What is asked for and awaited takes the place of what runs now: nothing to compare with.
    numbers = (row.instances,) if awaited else _instances(facts, row)
    first, *others = (
        [_way(spec, facts, row, copy, one, None) for one in numbers] for copy in copies
    )
    # All copies together in no more ways than the model itself, since each takes the room of a
    # replica for minutes, but each in one at least. Each in as many as the others, or what is
    # compared would follow which of them is adopted.
    room = min(len(first), MOST_MEASURED - len(first))
    each = max(1, room // len(others)) if others else 0
    # Every copy in one way before any in a second one.
    ways = [*first, *(one[number] for number in range(each) for one in others)]
    by_engine = [
        _way(spec, facts, row, copy, row.instances, engine)
        for copy in ([] if awaited else copies)
        if (engine := _other_engine(spec, facts, row, copy))
    ]
    return tuple(
        candidate(spec, facts, way)
        for way in (*ways, *by_engine[:MOST_BY_ENGINE])
        if way is row or (_has_room(way) and not _is_declared(way, facts, known))
    )


def candidate(spec: InferenceServiceSpec, facts: ModelFacts, row: PoolPlan) -> PoolPlan:
    """One way to run as it is measured: as many instances, with as many threads.

    Where the batch size is free, it is as large as the model and the spec allow, up to a bound.
    The memory is never less than the estimate, whatever was measured before: a limit that is too
    small would be found again, and not what it takes. Nothing is rejected, however long it waits.
    """
    facts = as_served(facts, row.copy)
    ample = row
    if is_free(spec.batching, facts):
        most = MOST_GPU_BATCH if row.pool.is_gpu else MOST_CPU_BATCH
        size = min(filter(None, (most, largest_allowed(spec.batching, facts))))
        ample = replace(row, max_batch_size=size, dynamic_batching=size > 1)
    memory = _memory_bytes(spec, facts, row, ample.max_batch_size)
    ample = replace(ample, memory_bytes=max(memory, row.memory_bytes))
    # A pool that has no room for more is measured as it is.
    return _unhurried(spec, ample if _has_room(ample) else row)


def is_measured(row: PoolPlan, facts: ModelFacts, known: Measurement) -> bool:
    """Whether a row of a profile is about what this row of the plan runs, on such hardware.

    A profile that names no release, threads or copy says it of all. Which CPU a pool has, nobody
    knows before a pod has run there: a measurement on any CPU counts.
    """
    return (
        bool(on_hardware_of(row.pool, [known]) or refusals_on_hardware_of(row.pool, [known]))
        and _is_of(known, row, facts)
        and known.hardware.triton_release in (None, str(row.release))
        and (known.instances or 1) == row.instances
        and known.threads in (None, row.threads)
        and (row.copy is None or is_of_copy(known, row.copy))
    )


def _is_of(known: Measurement, row: PoolPlan, facts: ModelFacts) -> bool:
    """Whether a row of a profile is of what this row of the plan runs, by that engine."""
    return (
        known.precision is row.precision
        and known.rebatched == (row.copy is not None and row.copy.rebatched)
        and known.engine == engine_of(facts, row.engine)
    )


def _settles(spec: InferenceServiceSpec, way: PoolPlan, known: Measurement) -> bool:
    """Whether a row about the same leaves this service nothing to find out.

    Declared rows always do, and those that say that it does not run in this way. With samples, what
    was measured on made-up inputs does not. Nor does what stopped for the sake of another service,
    which wanted no larger batches or had a tighter objective, where this one would go on; `way` is
    as it would be measured.
    """
    if known.source is MeasurementSource.DECLARED or known.refusal is not None:
        return True
    if spec.model.samples is not None and not is_on_samples(known):
        return False
    if known.ended in _ENDED_FOR_ALL:
        return True
    last = max(known.latency, key=lambda one: one.batch_size)
    bound = latency_bound_milliseconds(spec)
    return last.batch_size >= way.max_batch_size or float(last.milliseconds) >= _ROUNDED * bound


def _instances(facts: ModelFacts, row: PoolPlan) -> tuple[int, ...]:
    """Numbers of instances to compare, that of the plan first: on CPUs one that has all cores, one
    for each core, and one between.
    """
    cores = row.cpu_limit_millicores // 1000
    if row.pool.is_gpu or cores < 2 or not BACKENDS[facts.format].threads_parameter:
        return (row.instances,)
    return tuple(dict.fromkeys((row.instances, 1, cores, *between(cores))))


def between(cores: int) -> tuple[int, ...]:
    """The number of instances between one and one for each core that is measured, if any leaves no
    core without a thread: the one nearest to the root from below, as twice the instances are half
    the threads, and each instance has its own copy of the weights.
    """
    for number in range(math.isqrt(cores), 1, -1):
        if cores % number == 0:
            return (number,)
    return ()


def _other_engine(
    spec: InferenceServiceSpec, facts: ModelFacts, row: PoolPlan, copy: Conversion | None
) -> Engine | None:
    """The one beside ONNX Runtime that may run the copy; None: none can there."""
    served = as_served(facts, copy)
    runtime = Runtime(row.image, row.release, _batched(spec, facts, row, copy).max_batch_size)
    found = alternative(served, row.pool, runtime, copy)
    return found.engine if found and found.why_not is None else None


def _way(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    row: PoolPlan,
    copy: Conversion | None,
    instances: int,
    engine: Engine | None,
) -> PoolPlan:
    """The row with this copy, engine and as many instances, whatever it runs now."""
    if (copy, instances, engine) == (row.copy, row.instances, row.engine):
        return row
    compute = choose_compute(
        spec.hardware.resources,
        row.pool.replica_resources,
        gpu=row.pool.is_gpu,
        instances=instances,
    )
    way = replace(
        _batched(spec, facts, row, copy),
        precision=copy.precision if copy else Precision.FP32,
        copy=copy,
        instances=compute.instances,
        threads=compute.threads,
        engine=engine,
    )
    return replace(way, memory_bytes=_memory_bytes(spec, facts, way, way.max_batch_size))


def _batched(
    spec: InferenceServiceSpec, facts: ModelFacts, row: PoolPlan, copy: Conversion | None
) -> PoolPlan:
    """The row with batches as that copy takes them, where what runs now takes others."""
    served = as_served(facts, copy)
    if served.batchable == as_served(facts, row.copy).batchable:
        return row
    batch = choose_batching(spec.batching, served, gpu=row.pool.is_gpu)
    if isinstance(batch, Refusal):
        # What runs could not either: no copy takes fewer sizes than are asked for.
        return row
    return replace(row, max_batch_size=batch.max_batch_size, dynamic_batching=batch.dynamic)


def _memory_bytes(
    spec: InferenceServiceSpec, facts: ModelFacts, row: PoolPlan, max_batch_size: int
) -> int:
    memory = choose_memory(
        spec.hardware.resources,
        row.pool.replica_resources,
        facts_of_copy(facts, row.pool, row.copy),
        # Triton starts the instances once per device.
        instances=row.instances * max(1, row.accelerators),
        max_batch_size=max_batch_size,
        gpu=row.pool.is_gpu,
    )
    return memory.memory_bytes


def _has_room(row: PoolPlan) -> bool:
    need = ReplicaNeed(
        row.cpu_request_millicores,
        row.memory_bytes,
        row.accelerators,
        image_architectures(row.image),
    )
    return fit_of(row.pool, need).verdict is not Verdict.MISFIT


def _is_declared(row: PoolPlan, facts: ModelFacts, known: Sequence[Measurement]) -> bool:
    """Whether somebody declared how the model does in this precision on such hardware."""
    return any(
        one.source is MeasurementSource.DECLARED and _is_of(one, row, facts)
        for one in on_hardware_of(row.pool, known)
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
