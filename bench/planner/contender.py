"""The planner as the operator has it: its measurements, its budget, its functions."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bench.planner.prepared import Prepared
from bench.planner.served import LoadRefused, Served
from bench.planner.ways import Way
from triton_operator.api.conversion_method import Method
from triton_operator.api.enums import Precision
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.inspection import Failure
from triton_operator.api.model_profile import Conversion, Measurement, ModelFile, PoolHardware
from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.api.tool_versions import tool_versions
from triton_operator.model.conversion.copy_row import agreement_text
from triton_operator.model.measurement.cpu_model import this_cpu
from triton_operator.model.measurement.measured import Circumstances, SizeMeasured, measurement
from triton_operator.model.measurement.session import Session
from triton_operator.planning.candidate import ways_to_compare
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.planning.pools import PoolDefaults, declared_pool

RELEASE = "24.10"
"""Of the Triton in the image for CPUs."""
IMAGE = f"triton-cpu:{RELEASE}"


@dataclass(frozen=True)
class Studied:
    """What the planner measured of a model, once for all objectives, as services with one digest
    share a profile. `timings`: batch sizes timed, and runs under load."""

    rows: tuple[Measurement, ...]
    timings: int
    seconds: float
    failures: tuple[str, ...] = ()

    def wire(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "rows": [row.wire() for row in self.rows],
            "timings": self.timings,
            "seconds": self.seconds,
            "failures": list(self.failures),
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Studied:
        """From what `wire` made."""
        rows = tuple(Measurement.model_validate(row) for row in kept["rows"])
        return cls(rows, kept["timings"], kept["seconds"], tuple(kept["failures"]))


@dataclass(frozen=True)
class Choice:
    """The way that the planner chose; `rate` is what it promises, in requests/s."""

    way: Way
    rate: float
    reasons: tuple[str, ...]


def candidates(model: Prepared, cores: int, objective_milliseconds: int) -> list[Way]:
    """What the operator would measure of a model of which it knows nothing but its copy."""
    spec = _spec(cores, objective_milliseconds)
    row = _planned(model, spec, ()).pools[0]
    return [_way(one) for one in ways_to_compare(spec, model.facts, row, ())]


def studied(
    model: Prepared, served: Served, cores: int, budget_seconds: float, bound_seconds: float
) -> Studied:
    """Measure the candidates in rounds of which the better half stays, within the budget."""
    found = candidates(model, cores, round(1000 * bound_seconds))
    ways = {way.name: way for way in found}
    with contextlib.suppress(LoadRefused):  # a result too: the session finds that it is not there
        served.use(*ways.values())
    timed: list[str] = []

    def note(name: str, _size: SizeMeasured) -> None:
        timed.append(name)

    session = Session(
        served.url,
        model.digest,
        samples=model.rows,
        bound_seconds=bound_seconds,
        load_seconds=1.0,
        progress=note,
    )
    began = time.monotonic()
    results = session.compared(list(ways), budget_seconds)
    seconds = time.monotonic() - began
    rows, failures, loads = [], [], 0
    for result in results:
        if isinstance(result.outcome, Failure):
            failures.append(f"{result.name}: {result.outcome.message}")
            continue
        loads += result.rounds
        way = ways[result.name]
        around = Circumstances(
            precision=way.precision,
            engine=session.models[result.name].engine,
            hardware=PoolHardware(cpu=this_cpu(), triton_release=RELEASE),
            instances=way.instances,
            threads=way.threads,
            samples_digest=session.samples_digest(),
            time=_now(),
        )
        rows.append(measurement(result.outcome, around))
    return Studied(tuple(rows), len(timed) + loads, seconds, tuple(failures))


def chosen(model: Prepared, study: Studied, cores: int, objective_milliseconds: int) -> Choice:
    """What the plan of a service makes of the measurements and of the copy, with everything Auto.

    Raises:
        ValueError: the model cannot be planned at all.
    """
    spec = _spec(cores, objective_milliseconds)
    row = _planned(model, spec, study.rows).pools[0]
    return Choice(_way(row), row.measured.safe_rate if row.measured else 0.0, row.reasons)


def _spec(cores: int, objective_milliseconds: int) -> InferenceServiceSpec:
    """A service with everything Auto that lets the operator measure and compare."""
    return InferenceServiceSpec.model_validate(
        {
            "model": {
                "uri": "pvc://models/model.onnx",
                "samples": {"uri": "pvc://models/rows.npz"},
            },
            "objective": {"latency": {"milliseconds": objective_milliseconds}},
            "hardware": {"resources": {"cpu": str(cores)}},
            "measurement": {"mode": "IfUnknown"},
        }
    )


def _planned(model: Prepared, spec: InferenceServiceSpec, rows: Sequence[Measurement]) -> Plan:
    """Its plan on a pool of such CPUs.

    Raises:
        ValueError: the model cannot be planned at all.
    """
    defaults = PoolDefaults(
        cpu_image=IMAGE, cpu_release=RELEASE, gpu_image=IMAGE, gpu_release=RELEASE
    )
    plan = plan_service(
        spec,
        model.facts,
        [declared_pool("cpu", ServingPoolSpec(), None, defaults)],
        measurements=rows,
        conversions=_conversions(model),
        tool_versions=tool_versions(),
    )
    if not isinstance(plan, Plan):
        raise ValueError(f"{model.name}: {plan.reason}: {plan.message}")
    return plan


def _way(row: PoolPlan) -> Way:
    return Way(row.precision, row.instances, row.threads, row.max_batch_size)


def _conversions(model: Prepared) -> tuple[Conversion, ...]:
    """The row that the comparing Job would write of a copy that may be used; else none."""
    copy = model.copy
    if copy.refusal or copy.agreement is None:
        return ()
    digest, samples = (
        f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in (model.copied, model.rows)
    )
    size = model.copied.stat().st_size
    return (
        Conversion(
            precision=Precision.INT8,
            method=copy.method,
            tool_versions=tool_versions(),
            # Pods would need the ranges of a static copy; here the file itself is there.
            ranges="" if copy.method == Method.INT8_STATIC else None,
            digest=digest,
            files=[ModelFile(path="model.onnx", digest=digest, size_bytes=size)],
            agreement=agreement_text(copy.agreement),
            rows=copy.rows,
            samples_digest=samples,
            time=_now(),
        ),
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
