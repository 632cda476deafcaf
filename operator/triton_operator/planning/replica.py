"""What one replica of a service is on one pool, before anybody asks whether a node can take it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import Measurement, ModelFacts
from triton_operator.planning.batching import (
    BatchChoice,
    choose_batching,
    executed_size,
    is_free,
    largest_allowed,
)
from triton_operator.planning.compute import ComputeChoice, choose_compute
from triton_operator.planning.fit import Fit, ReplicaNeed, Verdict, fit_of
from triton_operator.planning.measured_reasons import (
    batch_reason,
    cost_reasons,
    instances_reason,
    no_room_reason,
    other_way_reason,
    unused_reason,
)
from triton_operator.planning.measured_replica import (
    Measured,
    Question,
    best_other,
    measured_choice,
)
from triton_operator.planning.measurements import (
    Candidates,
    ReplicaShape,
    engine_of,
    on_hardware_of,
)
from triton_operator.planning.memory import MemoryChoice, choose_memory
from triton_operator.planning.objective import latency_bound_milliseconds, latency_percentile
from triton_operator.planning.pools import Pool
from triton_operator.planning.precision import PrecisionChoice, choose_precision
from triton_operator.planning.refusal import Refusal
from triton_operator.triton.datatypes import UnknownDatatype, config_type
from triton_operator.triton.releases import image_architectures
from triton_operator.triton.tensor_shapes import tensor_problem

MODEL_NOT_SERVABLE = "ModelNotServable"
_MOST_WITHOUT_ROOM = 3
"""A profile may have hundreds, and a status holds 32 reasons."""


@dataclass(frozen=True)
class Replica:
    """Batch, precision, CPU, memory and accelerators of one replica.

    `measured` is what measurements say of it, `notes` what they say besides; None: nothing.
    """

    batch: BatchChoice
    precision: PrecisionChoice
    compute: ComputeChoice
    memory: MemoryChoice
    accelerators: int
    image: str
    measured: Measured | None = None
    notes: tuple[str, ...] = ()

    @property
    def need(self) -> ReplicaNeed:
        """What a node has to have for it."""
        return ReplicaNeed(
            self.compute.request_millicores,
            self.memory.memory_bytes,
            self.accelerators,
            image_architectures(self.image),
        )


def size_replica(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pool: Pool,
    measurements: Sequence[Measurement] = (),
    release: str | None = None,
) -> Replica | Refusal:
    """The replica that the spec, the model, the pool's own words and measurements make there.

    `release` is the Triton release that will run, `YY.MM`.
    """
    replica = _unmeasured(spec, facts, pool)
    if isinstance(replica, Refusal) or not measurements:
        return replica
    return _as_measured(replica, spec, facts, pool, measurements, release)


def _unmeasured(spec: InferenceServiceSpec, facts: ModelFacts, pool: Pool) -> Replica | Refusal:
    batch = choose_batching(spec.batching, facts, gpu=pool.is_gpu)
    if isinstance(batch, Refusal):
        return batch
    if refusal := _unservable(facts, batch):
        return refusal
    precision = choose_precision(spec.precision, facts.format)
    return _sized(spec, facts, pool, batch, precision)


def _sized(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pool: Pool,
    batch: BatchChoice,
    precision: PrecisionChoice,
    instances: int = 1,
    measured_memory: str | None = None,
) -> Replica:
    accelerators = _accelerators(spec, pool)
    compute = choose_compute(
        spec.hardware.resources, pool.replica_resources, gpu=pool.is_gpu, instances=instances
    )
    memory = choose_memory(
        spec.hardware.resources,
        pool.replica_resources,
        facts,
        # Triton starts the instances once per device.
        instances=compute.instances * max(1, accelerators),
        max_batch_size=batch.max_batch_size,
        gpu=pool.is_gpu,
        measured=measured_memory,
    )
    image = spec.runtime.image or pool.image
    return Replica(batch, precision, compute, memory, accelerators, image)


def _as_measured(
    replica: Replica,
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pool: Pool,
    measurements: Sequence[Measurement],
    release: str | None,
) -> Replica:
    """The replica with what measurements say is better, and with what they say of it."""
    batch, precision = replica.batch, replica.precision
    free = is_free(spec.batching, facts)

    def with_batch(size: int, instances: int, memory: str | None = None) -> Replica:
        choice = replace(batch, max_batch_size=size, dynamic=size > 1) if free else batch
        return _sized(spec, facts, pool, choice, precision, instances, memory)

    def fit(row: Measurement, size: int) -> Fit:
        return fit_of(pool, with_batch(size, row.instances or 1, row.memory).need)

    question = Question(
        seconds=latency_bound_milliseconds(spec) / 1000,
        percentile=latency_percentile(spec),
        prefer=spec.objective.prefer,
        size=(
            largest_allowed(spec.batching, facts)
            if free
            else executed_size(batch, spec.batching, facts)
        ),
        free=free,
        room=lambda row, size: fit(row, size).verdict is not Verdict.MISFIT,
    )
    shape = ReplicaShape(
        cores=None if pool.is_gpu else max(1, replica.compute.limit_millicores // 1000),
        devices=max(1, replica.accelerators),
        instances_free=facts.repository is None,
    )
    rows = on_hardware_of(pool, measurements)
    candidates = Candidates(rows, engine_of(facts), precision.precision, shape, release)
    choice = measured_choice(candidates, question)
    no_room = [
        no_room_reason(row, pool, shape, fit(row, 1).why)
        for row in candidates.fitting()
        if not question.room(row, 1)
    ][:_MOST_WITHOUT_ROOM]
    if choice is None:
        why = unused_reason(measurements, candidates, pool, no_room)
        return replace(replica, notes=(why,) if why else ())
    best = choice.best
    sized = with_batch(best.size, best.instances, best.row.memory)
    agreement = float(spec.precision.min_agreement)
    told = batch_reason(best, question)
    notes = (
        None if free else told,
        instances_reason(choice, shape, question.prefer),
        *no_room,
        other_way_reason(best_other(candidates, question), best, agreement),
        *cost_reasons(pool, best.safe_rate),
    )
    return replace(
        sized,
        batch=replace(sized.batch, reason=told) if free else batch,
        measured=best,
        notes=tuple(note for note in notes if note),
    )


def _accelerators(spec: InferenceServiceSpec, pool: Pool) -> int:
    if not pool.is_gpu:
        return 0
    return spec.hardware.accelerators_per_replica or pool.accelerators_per_replica


def _unservable(facts: ModelFacts, batch: BatchChoice) -> Refusal | None:
    """What Triton would refuse at load, said before a pod starts."""
    try:
        for tensor in (*facts.inputs, *facts.outputs):
            config_type(tensor.datatype)
    except UnknownDatatype as error:
        return Refusal(MODEL_NOT_SERVABLE, f"spec.model: {error}")
    if problem := tensor_problem(facts.inputs, facts.outputs, batch.max_batch_size):
        return Refusal(MODEL_NOT_SERVABLE, f"spec.model: {problem}")
    return None
