"""One model from start to end: measured by the planner, swept, and both compared."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.planner import contender
from bench.planner.contender import Choice, Studied
from bench.planner.disturbance import is_ours
from bench.planner.findings import NOISE, Case, Rated, Report, is_int8
from bench.planner.load import Loads
from bench.planner.prepared import MIN_AGREEMENT, Prepared
from bench.planner.runs import Runs, run_key
from bench.planner.search import rate_of
from bench.planner.served import LoadRefused, Served, served
from bench.planner.sweep import Standing, best_above, confirmed, judged, swept
from bench.planner.ways import Way, default_way, sweep_ways
from e2e.harness.triton import triton_folder
from triton_operator.api.enums import Precision
from triton_operator.model.digest import file_row
from triton_operator.model.measurement.cpu_model import this_cpu
from triton_operator.model.measurement.inputs import sampled_inputs
from triton_operator.model.measurement.order_statistics import median
from triton_operator.model.measurement.request_body import request_body
from triton_operator.model.measurement.triton_client import TritonClient
from triton_operator.planning.measured_curve import MeasuredCurve, curve_through
from triton_operator.planning.queue_model import safe_rate

LONE_REQUESTS = 41


@dataclass(frozen=True)
class Setting:
    """How models are tried. `cores`: of the replica; `factors`: objectives over a lone request."""

    cores: Sequence[int]
    factors: Sequence[float]
    budget_seconds: float
    largest: int
    runs: Runs
    folder: Path
    patience_seconds: float
    pauses: Sequence[Path] = ()


def tried(model: Prepared, setting: Setting, progress: Callable[[str], None]) -> Report:
    """Everything about one model; what was run before is not run again."""
    log = setting.folder / f"{model.name}-triton.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    with served(model, setting.cores, log) as triton:
        trial = _Trial(model, setting, triton, progress)
        try:
            return trial.report()
        finally:
            trial.close()


class _Trial:
    def __init__(
        self,
        model: Prepared,
        setting: Setting,
        triton: Served,
        progress: Callable[[str], None],
    ) -> None:
        self._model = model
        self._setting = setting
        self._triton = triton
        self._progress = progress
        self._circumstances = _circumstances(model, setting)
        self._loads = Loads(
            model,
            triton,
            setting.runs,
            self._circumstances,
            setting.folder / "requests",
            setting.pauses,
            setting.patience_seconds,
        )

    def close(self) -> None:
        """End what sends requests."""
        self._loads.close()

    def report(self) -> Report:
        """Objectives from a lone request, the planner, the sweep, and the judgement."""
        alone = self._alone_seconds()
        objectives = [math.ceil(1000 * alone * factor) for factor in self._setting.factors]
        self._progress(f"alone {1000 * alone:.3g} ms: objectives {objectives} ms")
        study = self._study(objectives)
        self._progress(f"planner measured {study.timings} times in {study.seconds:.0f} s")
        cores = len(self._setting.cores)
        ways = sweep_ways(self._model, cores, self._setting.largest)
        standings = swept(
            self._loads, [*ways, default_way(self._model)], objectives, self._guess(study),
            self._progress,
        )  # fmt: skip
        sweep = dict(self._loads.asked)
        cases = []
        for standing in standings:
            choice = contender.chosen(self._model, study, cores, standing.milliseconds)
            default = default_way(self._model)
            cases.append(compared(self._loads, standing, choice, default, self._progress))
        self._progress(
            f"{self._loads.made} runs made; the machine stood still for "
            f"{self._loads.paused_seconds:.1f} of {self._loads.seconds:.0f} s"
        )
        copy = self._model.copy
        words = "INT8: " + (copy.refusal or f"agreement {copy.agreement:.3f}, {copy.method}")
        return Report(
            name=self._model.name,
            kind=self._model.kind,
            samples=self._model.samples,
            alone_milliseconds=1000 * alone,
            copy=words[:80],
            copy_agreement=copy.agreement,
            held_out_agreement=copy.held_out_agreement,
            min_agreement=MIN_AGREEMENT,
            timings=study.timings,
            planner_seconds=study.seconds + copy.seconds,
            sweep_ways=len(ways) + 1,
            sweep_runs=len(sweep),
            sweep_seconds=sum(sweep.values()),
            doubtful_runs=self._loads.doubtful,
            cases=tuple(cases),
        )

    def _alone_seconds(self) -> float:
        """What a client sees of a request that is alone, in FP32 with all cores: the median."""
        key = run_key(**self._circumstances, what="alone")
        if (kept := self._setting.runs.get(key)) is not None:
            return float(kept["seconds"])
        size = 1 if self._model.facts.batchable else 0
        way = Way(Precision.FP32, 1, len(self._setting.cores), size)
        self._triton.use(way)
        facts = self._model.facts
        inputs = sampled_inputs(facts.inputs, self._model.rows, batched=facts.batchable)
        with TritonClient(self._triton.url, way.name) as client:
            body = request_body(inputs.batch(1), 1)
            client.send(body, LONE_REQUESTS // 4)
            seconds = median(client.send(body, LONE_REQUESTS))
        self._setting.runs.put(key, {"seconds": seconds})
        return seconds

    def _study(self, objectives: Sequence[int]) -> Studied:
        bound = max(objectives) / 1000
        budget = self._setting.budget_seconds
        key = run_key(**self._circumstances, what="study", budget=budget, bound=bound)
        if (kept := self._setting.runs.get(key)) is not None:
            return Studied.of(kept)
        cores = len(self._setting.cores)
        self._loads.await_quiet()
        study = contender.studied(self._model, self._triton, cores, budget, bound)
        if is_ours(self._setting.cores):
            self._setting.runs.put(key, study.wire())
        else:
            self._progress("others used the replica's cores while it was measured")
        return study

    def _guess(self, study: Studied) -> Callable[[Way, int], float]:
        """Requests/s by the queue model, from what the planner measured: where the search begins,
        and in which order, and nothing else."""
        curves: dict[tuple[Precision, int], MeasuredCurve] = {}
        for row in study.rows:
            pairs = [(one.batch_size, float(one.milliseconds)) for one in row.latency]
            largest = max(size for size, _ in pairs)
            if curve := curve_through(pairs, largest, row.instances or 1):
                curves[row.precision, row.instances or 1] = curve

        def guess(way: Way, milliseconds: int) -> float:
            curve = curves.get((way.precision, way.instances)) or curves.get((way.precision, 1))
            if curve is None:
                return 1.0
            rate = safe_rate(curve.up_to(max(1, way.max_batch)), milliseconds / 1000, 0.99)
            return max(rate, 0.3 * curve.capacity)

        return guess


def compared(
    loads: Loads,
    standing: Standing,
    choice: Choice,
    default: Way,
    progress: Callable[[str], None],
) -> Case:
    """The best of the sweep, also of each precision, the planner's and Triton's own, by arrivals
    new to all of them. Where the planner adopts a copy, ways in FP32 that the sweep did not rank
    are asked whether they do more."""
    found = standing.best
    best, guess = found if found else (choice.way, None)
    fp32, copy = standing.best_in(Precision.FP32), standing.best_in(Precision.INT8)
    others = [one[0] for one in (fp32, copy) if one is not None]
    places: dict[Way, int | None] = {}
    for way in dict.fromkeys((best, choice.way, default, *others)):
        try:
            places[way] = judged(loads, way, standing.milliseconds, guess)
        except LoadRefused as error:
            places[way] = None
            progress(f"{way.name}: {error}")

    def rated(way: Way) -> Rated:
        place = places[way]
        return Rated(way.name, 0.0 if place is None else rate_of(place))

    case = Case(
        milliseconds=standing.milliseconds,
        best=rated(best),
        planner=rated(choice.way),
        default=rated(default),
        promised=choice.rate,
        fp32=None if fp32 is None else rated(fp32[0]),
        copy=None if copy is None else rated(copy[0]),
    )
    if is_int8(case.planner.way) and not case.slower_adoption:
        least = NOISE * case.planner.rate
        if (faster := best_above(loads, standing, Precision.FP32, least)) is not None:
            way, place = faster
            times = confirmed(loads, way, choice.way, standing.milliseconds, place)
            if times is not None:
                progress(f"{way.name} does {times:.2f} times as much as {choice.way.name}")
                case = replace(case, fp32=Rated(way.name, times * case.planner.rate))
    progress(
        f"{standing.milliseconds} ms: best {case.best.way} {case.best_rate:.1f}/s, planner "
        f"{case.planner.way} {case.planner.rate:.1f}/s (promised {case.promised:.1f}), "
        f"defaults {case.default.rate:.1f}/s"
    )
    return case


def _circumstances(model: Prepared, setting: Setting) -> Mapping[str, Any]:
    """What decides the outcome of a run, beside the way, the rate and the seed."""
    copied = model.copied
    return {
        "model": model.digest,
        "int8_file": file_row(copied, "int8.onnx").digest if copied.exists() else None,
        "rows": file_row(model.rows, "samples.npz").digest,
        "triton": triton_folder().name,
        "cpu": this_cpu(),
        "machine_cores": os.cpu_count(),
        "cores": list(setting.cores),
        # Runs in which it is not known when the machine stood still are others.
        **({} if setting.pauses else {"pauses": "not seen"}),
    }
