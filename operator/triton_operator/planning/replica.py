"""What one replica of a service is on one pool, before anybody asks whether a node can take it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from triton_operator.api.conversion_method import copy_name
from triton_operator.api.enums import (
    Engine,
    MeasurementMode,
    ModelFormat,
    Precision,
    PrecisionMode,
)
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.planning.adoption import Comparison, best_of, compared
from triton_operator.planning.batching import (
    BatchChoice,
    choose_batching,
    executed_size,
    is_free,
    largest_allowed,
)
from triton_operator.planning.compute import ComputeChoice, choose_compute
from triton_operator.planning.copies import Prospect, facts_of_copy, prospects
from triton_operator.planning.engines import Runtime, alternative, refusal_of
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
    is_of_copy,
    on_hardware_of,
)
from triton_operator.planning.memory import MemoryChoice, choose_memory
from triton_operator.planning.objective import latency_bound_milliseconds, latency_percentile
from triton_operator.planning.pools import Pool
from triton_operator.planning.precision import PrecisionChoice, as_copied, as_stored
from triton_operator.planning.rebatching import as_served, how_to_rebatch
from triton_operator.planning.refusal import Refusal
from triton_operator.planning.throughput import server_rate
from triton_operator.triton.backends import ENGINE_NAMES
from triton_operator.triton.datatypes import UnknownDatatype, config_type
from triton_operator.triton.releases import Release, image_architectures
from triton_operator.triton.tensor_shapes import tensor_problem

MODEL_NOT_SERVABLE = "ModelNotServable"
ONE_ROW = "a batch of 1"
"""What people call the model as it is stored, where its copy takes any batch."""
_MOST_WITHOUT_ROOM = 3
"""A profile may have hundreds, and a status holds 32 reasons."""


@dataclass(frozen=True)
class Replica:
    """Batch, precision, CPU, memory and accelerators of one replica.

    `measured` is what measurements say of it, `notes` what they say besides; None: nothing.
    `prospects` is how other precisions stand there, `engine` what runs an ONNX model instead of
    ONNX Runtime's own kernels. `throughput`: requests/s that it does at most, whatever batches
    take.
    """

    batch: BatchChoice
    precision: PrecisionChoice
    compute: ComputeChoice
    memory: MemoryChoice
    accelerators: int
    image: str
    throughput: float
    measured: Measured | None = None
    notes: tuple[str, ...] = ()
    prospects: tuple[Prospect, ...] = ()
    engine: Engine | None = None

    @property
    def need(self) -> ReplicaNeed:
        """What a node has to have for it."""
        return ReplicaNeed(
            self.compute.request_millicores,
            self.memory.memory_bytes,
            self.accelerators,
            image_architectures(self.image),
        )


@dataclass(frozen=True)
class ProfileRows:
    """What the model's profiles say of it beside its facts, and the tools that convert here."""

    measurements: Sequence[Measurement]
    conversions: Sequence[Conversion]
    tool_versions: Mapping[str, str]


def size_replica(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pool: Pool,
    rows: ProfileRows,
    release: Release | None = None,
) -> Replica | Refusal:
    """The replica that the spec, the model, the pool's own words and measurements make there.

    A copy of the model runs if the user asked for its precision and it may be used, or with Auto if
    it is faster than FP32 by so much as `adoption` asks for; another engine too, if it is faster
    than ONNX Runtime by as much. `release` is the Triton release that will run.
    """
    known = prospects(spec, facts, pool, rows.conversions, rows.tool_versions)
    mode = spec.precision.mode
    told = frozenset(one.precision for one in known)
    advice = None if Precision.FP32 in told else how_to_rebatch(spec, facts)
    told |= {Precision.FP32} if mode is PrecisionMode.AUTO else set()

    def replica(choice: PrecisionChoice) -> Replica | Refusal:
        served = as_served(facts, choice.copy)
        sized = _unmeasured(spec, served, pool, choice, advice)
        if isinstance(sized, Refusal):
            return sized
        sized = replace(sized, prospects=known)

        def measured(engine: Engine | None) -> Replica:
            if not rows.measurements:
                return sized
            measurements = rows.measurements
            return _as_measured(sized, spec, served, pool, measurements, release, told, engine)

        return _by_engine(spec, served, pool, rows.measurements, release, measured)

    named = mode not in (PrecisionMode.AUTO, PrecisionMode.FP32)
    if named and (able := next((one for one in known if one.usable), None)):
        return replica(as_copied(able, "spec.precision.mode"))
    stored = replica(as_stored(spec.precision, facts, known))
    if isinstance(stored, Refusal) or named:
        return stored

    def refused(one: Prospect) -> str | None:
        return refusal_of(None, facts, pool, one.usable, release, rows.measurements)

    return _adopted(spec, pool, stored, replica, refused)


def _by_engine(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pool: Pool,
    known: Sequence[Measurement],
    release: Release | None,
    measured: Callable[[Engine | None], Replica],
) -> Replica:
    """By ONNX Runtime, or by the engine that beats it, with a note on the one that does not run."""
    own = measured(None)
    copy, image = own.precision.copy, own.image
    found = alternative(facts, pool, Runtime(image, release, own.batch.max_batch_size), copy)
    if found is None or not (known or spec.measurement.mode is MeasurementMode.IF_UNKNOWN):
        return own
    engine = found.engine
    if why := found.why_not:
        return replace(own, notes=(*own.notes, why))
    if why := refusal_of(engine, facts, pool, copy, release, known):
        return replace(own, notes=(*own.notes, f"{engine} not used: {why}"))
    other = measured(engine)
    comparison = compared(
        engine,
        other.measured,
        own.measured,
        spec.objective.prefer,
        pool.name,
        engine_of(facts),
    )
    if comparison.adoptable:
        words = f"{engine}: {comparison.words}"
        if engine is Engine.TENSORRT:
            words += "; each pod compiles its engine, for minutes, before it serves"
        return replace(other, engine=engine, notes=(*other.notes, words))
    return replace(own, notes=(*own.notes, comparison.words))


def _adopted(
    spec: InferenceServiceSpec,
    pool: Pool,
    stored: Replica,
    replica: Callable[[PrecisionChoice], Replica | Refusal],
    refused: Callable[[Prospect], str | None],
) -> Replica:
    """The model as it is stored or the copy that beats it by most, with a note on each that does
    not run. `refused` says why Triton does not load a copy."""
    copies: dict[Precision, Replica] = {}
    found: dict[Precision, Comparison] = {}
    for one in stored.prospects:
        if one.usable and isinstance(sized := replica(as_copied(one, "")), Replica):
            why = refused(one)
            # What has times has loaded: it was something else that did not.
            loaded = sized.measured is not None and is_of_copy(sized.measured.row, one.usable)
            if why and not loaded:
                found[one.precision] = Comparison(f"{one.name} not used: {why}")
                continue
            copies[one.precision] = sized
            found[one.precision] = compared(
                one.name,
                sized.measured,
                stored.measured,
                spec.objective.prefer,
                pool.name,
                ONE_ROW if one.precision is Precision.FP32 else Precision.FP32,
            )
    best = best_of(found)
    notes = tuple(
        _not_chosen(found.get(one.precision), one, best)
        for one in stored.prospects
        if one.precision is not best
    )
    able = next((one for one in stored.prospects if one.precision is best), None)
    if able is None:
        return replace(stored, notes=(*stored.notes, *notes))
    chosen = copies[able.precision]
    return replace(
        chosen,
        precision=as_copied(able, found[able.precision].words),
        notes=(*chosen.notes, *notes),
    )


def _not_chosen(found: Comparison | None, prospect: Prospect, best: Precision | None) -> str:
    if found is None:
        return prospect.why
    if found.adoptable and best is not None:
        return f"{prospect.name} not used: {found.words}, and {copy_name(best)} does more"
    return found.words


def _unmeasured(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pool: Pool,
    precision: PrecisionChoice,
    advice: str | None,
) -> Replica | Refusal:
    batch = choose_batching(spec.batching, facts, gpu=pool.is_gpu)
    if isinstance(batch, Refusal):
        return batch
    if advice and not facts.batchable:
        batch = replace(batch, reason=f"{batch.reason}; {advice}")
    if refusal := _unservable(facts, batch):
        return refusal
    return _sized(spec, facts, pool, batch, precision)


def _sized(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pool: Pool,
    batch: BatchChoice,
    precision: PrecisionChoice,
    instances: int = 1,
    row: Measurement | None = None,
) -> Replica:
    accelerators = _accelerators(spec, pool)
    compute = choose_compute(
        spec.hardware.resources, pool.replica_resources, gpu=pool.is_gpu, instances=instances
    )
    memory = choose_memory(
        spec.hardware.resources,
        pool.replica_resources,
        facts_of_copy(facts, pool, precision.copy),
        # Triton starts the instances once per device.
        instances=compute.instances * max(1, accelerators),
        max_batch_size=batch.max_batch_size,
        gpu=pool.is_gpu,
        row=row,
    )
    image = spec.runtime.image or pool.image
    # Threads of a CPU get whole cores; of those beside a GPU only the request is sure.
    millicores = compute.request_millicores if pool.is_gpu else compute.limit_millicores
    most = server_rate(facts, millicores / 1000)
    return Replica(batch, precision, compute, memory, accelerators, image, most)


def _as_measured(
    replica: Replica,
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pool: Pool,
    measurements: Sequence[Measurement],
    release: Release | None,
    told: Collection[Precision],
    engine: Engine | None,
) -> Replica:
    """The replica with what measurements say is better, and with what they say of it.

    Of the precisions `told`, somebody else says what they would do.
    """
    batch, precision = replica.batch, replica.precision
    free = is_free(spec.batching, facts)

    def with_batch(row: Measurement, size: int) -> Replica:
        choice = replace(batch, max_batch_size=size, dynamic=size > 1) if free else batch
        return _sized(spec, facts, pool, choice, precision, row.instances or 1, row)

    def fit(row: Measurement, size: int) -> Fit:
        return fit_of(pool, with_batch(row, size).need)

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
        server_rate=replica.throughput,
    )
    rows = on_hardware_of(pool, measurements)
    name = engine_of(facts, engine)
    told_release = str(release) if release else None
    rebatched = precision.copy is not None and precision.copy.rebatched
    candidates = Candidates(rows, name, precision.precision, shape, told_release, rebatched)
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
    sized = with_batch(best.row, best.size)
    agreement = float(spec.precision.min_agreement)
    onnx = facts.format is ModelFormat.ONNX
    engines = (engine_of(facts), *ENGINE_NAMES.values()) if onnx else ()
    expected = batch_reason(best, question)
    notes = (
        None if free else expected,
        instances_reason(choice, shape, question.prefer),
        *no_room,
        other_way_reason(best_other(candidates, question, told, engines), best, agreement),
        *cost_reasons(pool, best.safe_rate),
    )
    return replace(
        sized,
        batch=replace(sized.batch, reason=expected) if free else batch,
        throughput=best.throughput.rate,
        measured=best,
        notes=tuple(note for note in notes if note),
        prospects=replica.prospects,
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
