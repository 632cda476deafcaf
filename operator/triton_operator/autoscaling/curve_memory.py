"""The service curve as it was measured, newer batches counting more.

Models, data and neighbours on a node change; what was measured half an hour ago counts half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from triton_operator.autoscaling.exposition import ModelMetrics
from triton_operator.autoscaling.steps import Step, curve_of_steps
from triton_operator.planning.service_curve import (
    BatchSums,
    ServiceCurve,
    batches_between,
    fitted,
)

EVERY_SECONDS = 60.0
"""How often one ready pod's statistics are read: some hundred batches of a busy one."""
HALF_LIFE_SECONDS = 1800.0
ENOUGH_EXECUTIONS = 50.0
"""Fewer batches than this may be the slow first ones of a new process; a profile is better."""
ENOUGH_WITHOUT_PRIOR, ENOUGH_SECONDS = 20.0, 60.0
"""Where there is no profile, fewer than so many batches that took less than so long together are no
curve: a cluster that stands by has had a handful of requests, all of them by a process that had
just begun. Of a model that takes ten seconds for a batch, six tell all there is to know."""


@dataclass(frozen=True)
class BatchReading:
    """What one instance had executed at a time; `time` in seconds of any one clock.

    `totals` are by model and batch size (executions, seconds in all), of the models in `steps`.
    """

    instance: str
    time: float
    totals: Mapping[str, Mapping[int, tuple[float, float]]]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class CurveMemory:
    """The faded sums by model as of `time`, and the reading that the next one is compared with."""

    sums: Mapping[str, BatchSums] = field(default_factory=dict)
    time: float | None = None
    reading: BatchReading | None = None

    @property
    def executions(self) -> float:
        """How many batches are remembered, of that step of which the fewest are."""
        steps = self.reading.steps if self.reading else ()
        names = [step.model for step in steps] or list(self.sums)
        return min((self._of(name).weight for name in names), default=0.0)

    @property
    def is_enough(self) -> bool:
        """Whether what is remembered makes a curve by itself, of each step."""
        steps = self.reading.steps if self.reading else ()
        sums = [self._of(name) for name in [step.model for step in steps] or self.sums]
        return bool(sums) and all(
            one.weight >= ENOUGH_WITHOUT_PRIOR or one.seconds >= ENOUGH_SECONDS for one in sums
        )

    def _of(self, name: str) -> BatchSums:
        return self.sums.get(name, BatchSums())


def new_batches(
    memory: CurveMemory, reading: BatchReading
) -> dict[str, list[tuple[int, float, float]]]:
    """What ran since the last reading, by model as rows of (batch size, executions, seconds of all
    of them).

    Of another instance than the last it is not known, and an older reading tells nothing.
    """
    before = memory.reading
    if before is None or before.instance != reading.instance or reading.time <= before.time:
        return {}
    return {
        model: batches_between(before.totals.get(model, {}), totals)
        for model, totals in reading.totals.items()
    }


def with_reading(memory: CurveMemory, reading: BatchReading) -> CurveMemory:
    """The memory after one more reading. The first of an instance only is a start.

    An older reading than the last changes nothing.
    """
    before = memory.reading
    if before is not None and reading.time <= before.time and reading.instance == before.instance:
        return memory
    faded = _faded(memory, reading.time)
    sums = dict(faded.sums)
    for model, rows in new_batches(memory, reading).items():
        sums[model] = sums.get(model, BatchSums()).with_batches(rows)
    return CurveMemory(sums, faded.time, reading)


def with_metrics(
    memory: CurveMemory, model: str, time: float, before: ModelMetrics, after: ModelMetrics
) -> CurveMemory:
    """The memory after an interval of which only a model's metrics are known, of one instance.

    Metrics have no sizes of batches: their mean, and the mean time of a request's batch, are taken
    as one size and its time. Requests meet large batches more often than batches are large, so the
    times are of somewhat larger batches than the mean: the curve comes out slow, never fast.

    `time` is the interval's end. One that is not newer than the memory changes nothing: a source
    that is read more often than it learns (Prometheus) gives the same interval again.
    """
    if memory.time is not None and time <= memory.time:
        return memory
    executions = _difference(before.executions, after.executions)
    inferences = _difference(before.inferences, after.inferences)
    success = _difference(before.success, after.success)
    compute = _difference(before.compute_us, after.compute_us)
    if executions is None or inferences is None or success is None or compute is None:
        return memory
    # A counter that fell began anew, and the others at an unknown moment of the interval.
    if min(executions, inferences, success, compute) <= 0:
        return memory
    seconds = compute / success / 1e6
    faded = _faded(memory, time)
    row = (inferences / executions, executions, seconds * executions)
    sums = faded.sums.get(model, BatchSums()).with_batches([row])
    return CurveMemory({**faded.sums, model: sums}, faded.time, memory.reading)


def curve(
    memory: CurveMemory,
    model: str,
    prior: ServiceCurve | None,
    max_batch_size: int,
    instances: int = 1,
) -> ServiceCurve | None:
    """The curve as it is best known; None: too little was measured and there is no prior.

    `max_batch_size` and `instances` are as they were planned. How many instances there are the
    server knows better, and of an ensemble all.
    """
    largest = max(1, max_batch_size)
    steps = memory.reading.steps if memory.reading else ()
    joins_others = any(step.model != model for step in steps)
    if steps and not joins_others:
        instances = steps[0].instances
    if prior is not None and memory.executions < ENOUGH_EXECUTIONS:
        return ServiceCurve(prior.base_seconds, prior.per_request_seconds, largest, instances)
    if prior is None and not memory.is_enough:
        return None
    of_steps = curve_of_steps(steps, memory.sums, prior) if joins_others else None
    return of_steps or fitted(memory.sums.get(model, BatchSums()), prior, largest, instances)


def _faded(memory: CurveMemory, now: float) -> CurveMemory:
    if memory.time is None or now <= memory.time:
        return CurveMemory(memory.sums, max(now, memory.time or now), memory.reading)
    factor = 0.5 ** ((now - memory.time) / HALF_LIFE_SECONDS)
    sums = {model: sums.faded(factor) for model, sums in memory.sums.items()}
    return CurveMemory(sums, now, memory.reading)


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
