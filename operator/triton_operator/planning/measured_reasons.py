"""What measurements said for a plan, one sentence per choice, with what came second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from triton_operator.api.conversion_method import copy_name
from triton_operator.api.enums import Precision, Preference
from triton_operator.api.model_profile import Measurement
from triton_operator.planning.compute import instance_words
from triton_operator.planning.figures import difference, figure
from triton_operator.planning.measured_replica import LOADED, Measured, MeasuredChoice, Question
from triton_operator.planning.measurements import (
    Candidates,
    ReplicaShape,
    are_comparable,
    is_on_samples,
)
from triton_operator.planning.pools import Pool

_SOURCES = {
    False: "as measured",
    True: "as measured on samples",
    None: "as declared in the model's profile",
}
_HOUR = 3600
_MOST_NAMED = 3


def source_words(row: Measurement) -> str:
    """Whether somebody measured it, and on real inputs, or said it."""
    return _SOURCES[is_on_samples(row)]


def batch_reason(chosen: Measured, question: Question) -> str:
    """Why this batch size, or what is to be expected of the one that was given."""
    best, other = chosen.found.best, chosen.found.runner_up
    told = source_words(chosen.row)
    head = f"batch size {best.size}" if question.free else f"with batch size {best.size}"
    if not chosen.found.feasible:
        return (
            f"{head}: no size keeps {_bound(question)}, as a request that is alone takes "
            f"{figure(1000 * chosen.alone_seconds)} ms, {told}"
        )
    if best.rate <= 0:
        return f"{head}: no rate keeps {_bound(question)}, {told}"
    words = f"{head}: {figure(best.rate)} requests/s within {_bound(question)}, {told}"
    if chosen.rate < best.rate:
        why = f", {100 * LOADED:.0f} % of the throughput {told}"
        if not chosen.throughput.measured:
            why = ": what the server itself takes, not measured"
        words = (
            f"{head}: {figure(chosen.rate)} requests/s{why}; batches alone would do "
            f"{figure(best.rate)}"
        )
    elif other is not None:
        words += f"; {other.size} does {figure(other.rate)} ({difference(other.rate, best.rate)})"
    if question.free and best.size == chosen.curve.points[-1][0] and best.size != question.size:
        words += "; larger ones were not measured"
    return words


def instances_reason(choice: MeasuredChoice, shape: ReplicaShape, prefer: Preference) -> str | None:
    """Why so many instances; None where no other number was measured."""
    best, other = choice.best, choice.runner_up
    if other is None:
        return None
    words = instance_words(best.instances, shape.threads_of(best.instances))
    others = instance_words(other.instances, shape.threads_of(other.instances))
    if best.counts_by_time(prefer):
        mine, its = best.alone_seconds, other.alone_seconds
        told = f"{figure(1000 * mine)} ms for a request that is alone"
        return f"{words}: {told}; {others}: {figure(1000 * its)} ms ({difference(its, mine)})"
    mine, its = best.rate, other.rate
    if not other.found.feasible:
        return f"{words}: with {others} a request that is alone is too slow"
    return f"{words}: {figure(mine)} requests/s; {others}: {figure(its)} ({difference(its, mine)})"


def other_way_reason(other: Measured | None, chosen: Measured, min_agreement: float) -> str | None:
    """What the best other precision or engine would do, and why it is not used."""
    if other is None or not other.found.feasible or chosen.safe_rate <= 0:
        return None
    if not are_comparable(other.row, chosen.row):
        return None
    row, rate = other.row, other.safe_rate
    words = (
        f"{row.precision} by {row.engine} does {figure(rate)} requests/s "
        f"({difference(rate, chosen.safe_rate)}), {source_words(row)}"
    )
    if rate <= chosen.safe_rate:
        return words
    if row.agreement is not None and float(row.agreement) < min_agreement:
        return f"{words}: not used, agreement {row.agreement} < {figure(min_agreement)}"
    if row.precision is Precision.FP32 and row.engine == chosen.row.engine:
        return f"{words}: not used, spec.precision.mode is {chosen.row.precision}"
    if row.precision is not chosen.row.precision:
        return f"{words}: not used, there is no verified {row.precision} copy of the model"
    return f"{words}: not used, the model's files are served by {chosen.row.engine}"


def cost_reasons(pool: Pool, rate: float) -> Iterator[str]:
    """Money and energy of requests at the safe rate, from what the pool declares."""
    if rate <= 0:
        return
    if pool.cost_per_replica_hour is not None:
        price = 1000 * float(pool.cost_per_replica_hour) / (_HOUR * rate)
        yield (
            f"{figure(price)} {pool.currency} per 1,000 requests at {figure(rate)} requests/s, by "
            "the pool's declared price"
        )
    if pool.watts_per_replica is not None:
        yield (
            f"{figure(pool.watts_per_replica / rate)} J per request at {figure(rate)} requests/s, "
            "by the pool's declared power"
        )


def no_room_reason(row: Measurement, pool: Pool, shape: ReplicaShape, why: str) -> str:
    """That a replica as it was measured fits no node, `why` as `fit_of` says it."""
    instances = row.instances or 1
    words = instance_words(instances, shape.threads_of(instances))
    if row.memory is not None:
        words += f" with {row.memory} memory, {source_words(row)}, and a quarter more"
    return f"pool {pool.name} has no room for {words}: {why}"


def unused_reason(
    measurements: Sequence[Measurement],
    candidates: Candidates,
    pool: Pool,
    no_room: Sequence[str],
) -> str | None:
    """Why none of the profile's measurements counts here; None where it has none.

    `no_room`: a reason for each that would count and has no room.
    """
    if not measurements:
        return None
    why = "; ".join(no_room) or _unused_because(measurements, candidates, pool)
    return f"no measurement of the model is used: {why}"


def _unused_because(measurements: Sequence[Measurement], candidates: Candidates, pool: Pool) -> str:
    on_hardware, shape = candidates.rows, candidates.shape
    if not on_hardware:
        return _elsewhere(measurements, pool)
    if not candidates.of_this_way:
        ways = _some(_way(row.precision, row.engine, row.rebatched) for row in on_hardware)
        wanted = _way(candidates.precision, candidates.engine, candidates.rebatched)
        return f"none is of {wanted}, but {ways}"
    if not any(shape.takes(row) for row in on_hardware):
        ways = _some(instance_words(row.instances or 1, row.threads) for row in on_hardware)
        here = instance_words(1, shape.cores)
        return f"none is of a replica with {here} or as many threads in all, but with {ways}"
    return (
        "none is of batch size 1, and the smallest that is there takes longer than the objective "
        "allows"
    )


def _way(precision: Precision, engine: str, rebatched: bool) -> str:
    return f"{copy_name(precision) if rebatched else precision} by {engine}"


def _elsewhere(measurements: Sequence[Measurement], pool: Pool) -> str:
    if not any(row.latency for row in measurements):
        return "none has times of batches"
    products = _some(row.hardware.product or "a CPU" for row in measurements if row.latency)
    if pool.is_gpu and pool.product is None:
        return f"they are of {products}, and pool {pool.name} names no spec.accelerator.product"
    return f"they are of {products}, and pool {pool.name} has {pool.product or 'CPUs only'}"


def _some(words: Iterable[str]) -> str:
    found = list(dict.fromkeys(words))
    more = [f"{len(found) - _MOST_NAMED} more"] if len(found) > _MOST_NAMED else []
    return ", ".join([*found[:_MOST_NAMED], *more])


def _bound(question: Question) -> str:
    return f"{figure(1000 * question.seconds)} ms {question.percentile.lower()}"
