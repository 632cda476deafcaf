"""The plan of a service: one row per pool in use, and every reason on the way."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from triton_operator.api.enums import Engine, Precision, ScalingMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.planning.completion import Completion, completions, left_to_triton
from triton_operator.planning.copies import NO_TOOLS, Prospect
from triton_operator.planning.curve_ratio import CurveRatio, as_in_production, drift_reason
from triton_operator.planning.device import needed_device, usable_pools
from triton_operator.planning.fit import Fit, Verdict, fit_of
from triton_operator.planning.measured_replica import Measured
from triton_operator.planning.measurements import is_on_samples
from triton_operator.planning.merit import Speed
from triton_operator.planning.objective import (
    latency_bound_milliseconds,
    longest_request_seconds,
)
from triton_operator.planning.overload import choose_queue, rejection_reason
from triton_operator.planning.placement import POOLS_IN_A_MESSAGE, place
from triton_operator.planning.pools import Pool
from triton_operator.planning.refusal import Refusal
from triton_operator.planning.replica import ProfileRows, Replica, size_replica
from triton_operator.planning.replicas import ReplicaBounds, replica_bounds
from triton_operator.triton.features import Feature
from triton_operator.triton.latency_histogram import histogram_edges
from triton_operator.triton.releases import (
    CONTENTS,
    Release,
    UnknownRelease,
    release_of,
    security_finding,
)

NO_DRIFTS: Mapping[str, CurveRatio] = MappingProxyType({})
UNKNOWN_RELEASE = "UnknownTritonRelease"
_MOST_COMPLETION_REASONS = 10
"""A status holds 32 reasons; a repository may have 64 models."""


@dataclass(frozen=True)
class PoolPlan:
    """How the service runs on one pool.

    `max_batch_size` is Triton's (0: tensors have no batch axis). `queue_timeout_microseconds` 0:
    no request is rejected, however long it waits. `instances` are per accelerator.
    CPU in millicores, memory in bytes, accelerators: per replica. `longest_request_seconds` bounds
    how long a shutdown waits. `drains_first`: a rollout ends an old pod before it starts a new one.
    """

    pool: Pool
    image: str
    release: Release
    precision: Precision
    max_batch_size: int
    dynamic_batching: bool
    queue_delay_microseconds: int
    queue_timeout_microseconds: int
    instances: int
    threads: int | None
    cpu_request_millicores: int
    cpu_limit_millicores: int
    memory_bytes: int
    longest_request_seconds: int
    reasons: tuple[str, ...]
    completions: tuple[Completion, ...] = ()
    """One for each model of a repository, the model that clients call first."""
    accelerators: int = 0
    drains_first: bool = False
    histogram_edges: tuple[int, ...] = ()
    """Ends of the buckets in which Triton counts latencies, in ms; none: it keeps its own."""
    enough_memory_bytes: int | None = None
    """Pods that are there and have so much may keep it; None: only `memory_bytes` will do."""
    memory_stated: bool = False
    """Whether the spec or the pool states the memory."""
    throughput: float = math.inf
    """Requests/s that one replica does at most, whatever its batches take."""
    measured: Measured | None = None
    """What measurements say of such a replica; None: none is of one."""
    copy: Conversion | None = None
    """The copy of the model that the replicas run; None: the model as it is stored."""
    prospects: tuple[Prospect, ...] = ()
    """How other precisions stand here, that which runs among them."""
    engine: Engine | None = None
    """What runs an ONNX model; None: the backend of its format, with its own kernels."""

    @property
    def wanted_precisions(self) -> tuple[Precision, ...]:
        """Those in which a Job should convert and verify the model now."""
        return tuple(one.precision for one in self.prospects if one.wanted)


@dataclass(frozen=True)
class Plan:
    """Pools with a Deployment, most wanted first, and the bounds of replicas over all of them.

    How many replicas each pool gets is not said here: a row may stand for none at all. `standby`
    names pools that can serve too. `preference` names all of both, the most wanted first.
    `measured` has what measurements say of each pool of `preference` of which they say something.
    """

    pools: tuple[PoolPlan, ...]
    standby: tuple[str, ...]
    replicas: ReplicaBounds
    preference: tuple[str, ...] = ()
    measured: Mapping[str, Measured] = field(default_factory=dict)


def plan_service(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pools: Sequence[Pool],
    in_use: Collection[str] = (),
    measurements: Sequence[Measurement] = (),
    conversions: Sequence[Conversion] = (),
    tool_versions: Mapping[str, str] = NO_TOOLS,
    drifts: Mapping[str, CurveRatio] = NO_DRIFTS,
) -> Plan | Refusal:
    """The plan for a service whose model is known, and maybe measured and converted.

    A conversion counts if it was made with the tools of these versions. What was measured and not
    seen before takes some 0.1 s for each batch size (see `safe_batch`).

    A replica is sized for each pool that matches. The first pool that takes one has a row, and so
    has each pool of `in_use` that takes one: those that hold replicas or are to get some. A pool
    stays in `in_use` until it holds none any more, so that moving to another pool ends nothing
    that serves. Where replicas do not spill over (see `spills_over`), `in_use` means nothing.

    `drifts` are what production showed of the measurements, by pool: batch sizes, instances and
    promises follow it. The order of the pools does not: of those that do not serve nobody knows it.
    """
    usable = usable_pools(facts, spec.hardware, pools)
    if isinstance(usable, Refusal):
        return usable
    rows = ProfileRows(measurements, conversions, tool_versions)
    sized: dict[str, Replica | Refusal] = {}
    speeds: dict[str, Speed | None] = {}

    def fit(pool: Pool) -> Fit:
        release = _release(spec, pool)
        told = None if isinstance(release, Refusal) else release
        replica = sized[pool.name] = size_replica(spec, facts, pool, rows, told)
        speeds[pool.name] = _speed(replica)
        if ratio := drifts.get(pool.name):
            seen = as_in_production(measurements, pool, ratio)
            replica = size_replica(spec, facts, pool, replace(rows, measurements=seen), told)
            if isinstance(replica, Replica) and replica.measured:
                replica = replace(replica, notes=(*replica.notes, drift_reason(ratio)))
            sized[pool.name] = replica
        # What nobody could run is told as such, and not as a pool that is too small.
        return Fit(Verdict.FITS) if isinstance(replica, Refusal) else fit_of(pool, replica.need)

    placement = place(spec.hardware, spec.objective.prefer, usable, fit, speeds)
    if isinstance(placement, Refusal):
        return placement
    first, *others = (_ready_for(spec, pool, sized[pool.name]) for pool in placement.pools)
    if isinstance(first, Refusal):
        return first
    able = [one for one in others if not isinstance(one, Refusal)]
    also = [one for one in able if spills_over(spec) and one.pool.name in in_use]
    standby = tuple(one.pool.name for one in able if one not in also)
    unable = [
        f"pool {pool.name} cannot serve: {one.message}"
        for pool, one in zip(placement.pools[1:], others, strict=True)
        if isinstance(one, Refusal)
    ]
    notes = [*placement.notes, *unable][: POOLS_IN_A_MESSAGE + 1]
    why = [placement.reason, *notes]
    made = [_pool_plan(spec, facts, first, why, _standby_reason(spec, standby))]
    made += [_pool_plan(spec, facts, one, [_why_also(one.pool, first.pool)]) for one in also]
    preference = (first.pool.name, *(one.pool.name for one in able))
    measured = {
        one.pool.name: one.replica.measured for one in (first, *able) if one.replica.measured
    }
    return Plan(tuple(made), standby, replica_bounds(spec.scaling), preference, measured)


def spills_over(spec: InferenceServiceSpec) -> bool:
    """Whether replicas go to a second pool where the first has no room: if their number moves."""
    bounds = replica_bounds(spec.scaling)
    return bounds.managed and bounds.minimum < bounds.maximum


@dataclass(frozen=True)
class _Candidate:
    """A pool on which the service can run, with what runs there."""

    pool: Pool
    release: Release
    replica: Replica


def _speed(replica: Replica | Refusal) -> Speed | None:
    if isinstance(replica, Refusal) or replica.measured is None:
        return None
    measured = replica.measured
    return Speed(measured.safe_rate, measured.alone_seconds, is_on_samples(measured.row))


def _ready_for(
    spec: InferenceServiceSpec, pool: Pool, replica: Replica | Refusal
) -> _Candidate | Refusal:
    release = _release(spec, pool)
    if isinstance(release, Refusal):
        return release
    if isinstance(replica, Refusal):
        return replica
    return _Candidate(pool, release, replica)


def _why_also(pool: Pool, first: Pool) -> str:
    return f"pool {pool.name} too: for replicas that pool {first.name} has no room for"


def _standby_reason(spec: InferenceServiceSpec, standby: Sequence[str]) -> str | None:
    if not standby:
        return None
    if spills_over(spec):
        return f"stands by, for replicas that find no node: {', '.join(standby)}"
    fixed = (
        "while minReplicas is maxReplicas"
        if spec.scaling.mode is ScalingMode.AUTO
        else f"in scaling mode {spec.scaling.mode}"
    )
    return f"fits too, but replicas do not spill over {fixed}: {', '.join(standby)}"


def _pool_plan(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    candidate: _Candidate,
    why_here: Sequence[str],
    standby_reason: str | None = None,
) -> PoolPlan:
    pool, release, replica = candidate.pool, candidate.release, candidate.replica
    batch, compute, memory = replica.batch, replica.compute, replica.memory
    precision = replica.precision
    reasons = [*why_here, batch.reason, precision.reason, compute.reason, memory.reason]
    reasons += replica.notes
    if replica.accelerators > 1:
        reasons.append(
            f"{replica.accelerators} {pool.accelerator_resource} per replica, with the model on "
            "each of them"
        )
    queue = choose_queue(
        spec.batching,
        latency_bound_milliseconds(spec),
        batched=batch.dynamic,
        single_instance=compute.instances * max(1, replica.accelerators) == 1,
    )
    added = _completions(spec, facts, pool, replica)
    timeout = max(queue.timeout, *(row.queue_timeout_microseconds for row in added), 0)
    reasons += [row.reason for row in added if row.reason][:_MOST_COMPLETION_REASONS]
    if timeout:
        reasons.append(rejection_reason(timeout))
    reasons += _model_notes(facts)
    reasons += [note for note in (_opset_note(release, facts), security_finding(release)) if note]
    if standby_reason:
        reasons.append(standby_reason)
    if pool.is_gpu:
        reasons.append(surge_reason(pool))
    return PoolPlan(
        pool=pool,
        image=replica.image,
        release=release,
        precision=precision.precision,
        max_batch_size=batch.max_batch_size,
        dynamic_batching=batch.dynamic or any(row.dynamic_batching for row in added),
        queue_delay_microseconds=queue.delay,
        queue_timeout_microseconds=timeout,
        instances=compute.instances,
        threads=compute.threads,
        cpu_request_millicores=compute.request_millicores,
        cpu_limit_millicores=compute.limit_millicores,
        memory_bytes=memory.memory_bytes,
        enough_memory_bytes=memory.enough_bytes,
        memory_stated=memory.stated,
        longest_request_seconds=longest_request_seconds(spec),
        reasons=tuple(reasons),
        completions=added,
        accelerators=replica.accelerators,
        histogram_edges=(
            histogram_edges(latency_bound_milliseconds(spec))
            if Feature.LATENCY_HISTOGRAMS.in_release(release)
            else ()
        ),
        throughput=replica.throughput,
        measured=replica.measured,
        copy=precision.copy,
        prospects=replica.prospects,
        engine=replica.engine,
    )


def _completions(
    spec: InferenceServiceSpec, facts: ModelFacts, pool: Pool, replica: Replica
) -> tuple[Completion, ...]:
    if facts.repository is None:
        return ()
    return completions(
        facts.repository.models,
        spec.batching,
        gpu=pool.is_gpu,
        threads=replica.compute.threads,
        devices=max(1, replica.accelerators),
        objective_milliseconds=latency_bound_milliseconds(spec),
    )


def _model_notes(facts: ModelFacts) -> list[str]:
    notes = []
    if device := needed_device(facts):
        notes.append(f"{device.kind} pools only: {device.reason}")
    if facts.repository is not None:
        entry, *others = facts.repository.models
        notes.append(
            f"clients call model {entry.name}"
            + (f"; {len(others)} more in the repository" if others else "")
        )
        if silent := left_to_triton(facts.repository.models):
            notes.append(f"Triton reads inputs and outputs from the files of {', '.join(silent)}")
    return notes


def surge_reason(pool: Pool) -> str:
    """What a rollout on a pool with accelerators needs, if it starts the new pod first."""
    return (
        "a rollout starts a new pod before it ends the old one: it needs a free "
        f"{pool.accelerator_resource}"
    )


def _release(spec: InferenceServiceSpec, pool: Pool) -> Release | Refusal:
    """The Triton release of the image that will run."""
    if spec.runtime.image is None:
        try:
            return release_of(pool.image, pool.release)
        except UnknownRelease as error:
            return Refusal(UNKNOWN_RELEASE, f"pool {pool.name}: {error}")
    try:
        return release_of(spec.runtime.image, None)
    except UnknownRelease:
        return Refusal(
            UNKNOWN_RELEASE,
            f"spec.runtime.image: the tag of {spec.runtime.image} names no Triton release that "
            "this operator knows; use a tag that begins with YY.MM, or put the image into a "
            "ServingPool with spec.release",
        )


def _opset_note(release: Release, facts: ModelFacts) -> str | None:
    """A warning, not a refusal: a private image may carry a newer ONNX Runtime than its release."""
    contents = CONTENTS.get(release)
    limit = contents.max_opset if contents else None
    if limit is None or facts.opset is None or facts.opset <= limit:
        return None
    return (
        f"the model's opset {facts.opset} is newer than opset {limit}, the newest that Triton "
        f"{release} knows: it may refuse the model; use a newer image or export with an older opset"
    )
