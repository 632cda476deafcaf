"""Which measurements of a ModelProfile are about a replica on a pool, and which of them counts.

A measurement fits a pool if all of these hold:

1. GPU pools: `hardware.product` is the pool's `accelerator.product`; where the pool names none, the
   measurement must name neither a product nor a CPU. CPU pools: it names no product. CPUs are not
   compared, as no pool says which it has.
2. `engine` is what runs the model: onnxruntime, onnxruntime-tensorrt, tensorrt, openvino, pytorch;
   for a repository the backend of the model that clients call.
3. `precision` is the one in which the model runs; `method` is DynamicBatch if it runs as the copy
   that takes any batch, and only then.
4. It fits the replica: on CPUs, `instances` instances have `threads` threads each, omitted: one
   instance, and as many threads as it gets. A measurement with other threads tells nothing of it.

Where one that fits was measured on samples, none counts that was measured on made-up inputs: a text
of one word says nothing of real ones. What was declared holds for what its author says, whichever.

Of several that fit and run as many instances, one counts: that of the pool's Triton release before
one that names none, and that before one of another release; what was measured before what was
declared; then the slowest of what different CPUs did, and of one CPU the newest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from triton_operator.api.enums import Engine, MeasurementSource, Precision
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.planning.measured_curve import MeasuredCurve, curve_through
from triton_operator.planning.pools import Pool
from triton_operator.triton.backends import BACKENDS, ENGINE_NAMES


@dataclass(frozen=True)
class ReplicaShape:
    """What a replica offers: whole cores for threads (None on a GPU), devices that each run all
    instances, whether the number of instances is free, and the requests/s that its server takes at
    most (see `throughput.server_rate`)."""

    cores: int | None
    devices: int = 1
    instances_free: bool = True
    server_rate: float = math.inf

    def threads_of(self, instances: int) -> int | None:
        """Threads of one of so many instances."""
        return None if self.cores is None else max(1, self.cores // instances)

    def takes(self, row: Measurement) -> bool:
        """Whether the replica can run as many instances as were measured, with as many threads."""
        instances = row.instances or 1
        if instances > 1 and not self.instances_free:
            return False
        if self.cores is None:
            return True
        return instances <= self.cores and row.threads in (None, self.threads_of(instances))


def engine_of(facts: ModelFacts, engine: Engine | None = None) -> str:
    """What runs the model which clients call, as measurements name it: the backend of Triton for
    its format, or `engine`."""
    if engine is not None:
        return ENGINE_NAMES[engine]
    if facts.repository is not None:
        return facts.repository.models[0].backend
    return BACKENDS[facts.format].name


def on_hardware_of(pool: Pool, measurements: Iterable[Measurement]) -> list[Measurement]:
    """Those with times that were taken on such hardware, however the model ran."""
    return [row for row in measurements if row.latency and not row.refusal and _on(pool, row)]


def refusals_on_hardware_of(pool: Pool, measurements: Iterable[Measurement]) -> list[Measurement]:
    """Those which say that the model does not run in some way on such hardware."""
    return [row for row in measurements if row.refusal and _on(pool, row)]


@dataclass(frozen=True)
class Candidates:
    """`rows` on the pool's hardware, and the way to run of which they are asked: the replica's
    `shape`, Triton's `release` there, an engine and a precision, and whether it is the copy that
    takes any batch."""

    rows: Sequence[Measurement]
    engine: str
    precision: Precision
    shape: ReplicaShape
    release: str | None
    rebatched: bool = False

    @property
    def of_this_way(self) -> list[Measurement]:
        """The rows in this precision by this engine, however many instances there were."""
        return [
            row
            for row in self.rows
            if row.engine == self.engine
            and row.precision is self.precision
            and row.rebatched is self.rebatched
        ]

    def fitting(self) -> list[Measurement]:
        """The row that counts, for each number of instances."""
        able = [row for row in self.of_this_way if self.shape.takes(row)]
        if any(is_on_samples(row) for row in able):
            able = [row for row in able if is_on_samples(row) is not False]
        numbers = sorted({row.instances or 1 for row in able})
        return [
            _counting([row for row in able if (row.instances or 1) == number], self.release)
            for number in numbers
        ]

    def other_ways(self) -> list[Candidates]:
        """The same rows, asked of each other engine and precision that is among them: of the model
        as it is stored, or its copies in other precisions."""
        ways = {(row.engine, row.precision) for row in self.rows if not row.rebatched}
        return [
            replace(self, engine=engine, precision=precision, rebatched=False)
            for engine, precision in sorted(ways - {(self.engine, self.precision)})
        ]


def is_on_samples(row: Measurement) -> bool | None:
    """Whether real inputs were measured, or made-up ones; None: nothing was, it is declared."""
    return None if row.source is MeasurementSource.DECLARED else row.samples_digest is not None


def is_of_copy(row: Measurement, copy: Conversion) -> bool:
    """Whether a row about a copy may be about this one: other tools make another one."""
    return row.copy_digest in (None, copy.digest)


def are_comparable(one: Measurement, other: Measurement) -> bool:
    """Whether neither was measured on real inputs and the other on made-up ones."""
    return {is_on_samples(one), is_on_samples(other)} != {True, False}


def curve_of(row: Measurement, shape: ReplicaShape) -> MeasuredCurve:
    """The times of a measurement, for batches of any size that was measured."""
    pairs = [(one.batch_size, float(one.milliseconds)) for one in row.latency]
    largest = max(size for size, _ in pairs)
    curve = curve_through(pairs, largest, (row.instances or 1) * shape.devices)
    assert curve is not None, "rows without times are left out"
    return curve


def _on(pool: Pool, row: Measurement) -> bool:
    product = row.hardware.product
    if not pool.is_gpu:
        return product is None
    if pool.product is None:
        return product is None and row.hardware.cpu is None
    return product == pool.product


def _counting(rows: Sequence[Measurement], release: str | None) -> Measurement:
    """The one that counts, of at least one."""

    def closeness(row: Measurement) -> tuple[int, bool]:
        told = row.hardware.triton_release
        distance = 1 if told is None else 0 if told == release else 2
        return distance, row.source is not MeasurementSource.MEASURED

    closest = min(map(closeness, rows))
    newest: dict[str | None, Measurement] = {}
    for row in rows:
        before = newest.get(row.hardware.cpu)
        if closeness(row) == closest and (before is None or row.time > before.time):
            newest[row.hardware.cpu] = row
    return max(newest.values(), key=_slowness)


def _slowness(row: Measurement) -> float:
    """Seconds of a request in the largest batch."""
    largest = max(row.latency, key=lambda one: one.batch_size)
    return float(largest.milliseconds) / largest.batch_size
