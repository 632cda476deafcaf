"""Plays policies against traces in several processes, and keeps what the clairvoyant costs."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from multiprocessing.pool import Pool
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.autoscaling import oracle, replicas, simulation
from bench.autoscaling.faults import FAULTS, Fault
from bench.autoscaling.grid import FAMILIES, constant
from bench.autoscaling.oracle import Clairvoyant, clairvoyant, without_variants
from bench.autoscaling.ours import Ours
from bench.autoscaling.setup import Setup
from bench.autoscaling.simulation import Result, Run
from bench.autoscaling.traces import Trace

Item = TypeVar("Item")
TRACE_SEED = 0
"""Arrivals are the same in every run; seeds are of service times, starts and balancing."""


THINNED = 10
"""Seconds per point of a series."""


@dataclass(frozen=True, order=True)
class Job:
    """One run."""

    trace: str
    policy: str
    setting: float
    seed: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Stage:
    """What every worker process holds: sent once, not with each job."""

    setup: Setup
    traces: Mapping[str, Trace]
    peaks: Mapping[str, Mapping[float, int]]
    """By trace: the constant fleet that has an attainment."""


class Workers:
    """Processes that play jobs."""

    def __init__(self, setup: Setup, traces: Sequence[Trace], processes: int) -> None:
        self._setup = setup
        self._traces = {trace.name: trace for trace in traces}
        self._processes = processes
        self._peaks: Mapping[str, Mapping[float, int]] = {}

    def clairvoyants(self) -> dict[str, Clairvoyant]:
        """By trace; from the cache where code and input are the same."""
        known = {name: _load(self._setup, trace) for name, trace in self._traces.items()}
        missing = [name for name, found in known.items() if found is None]
        # The longest first, or one process has it all to itself at the end.
        missing.sort(key=lambda name: -float(self._traces[name].rates.sum()))
        with self._pool(missing) as pool:
            shown = _progress(pool.imap_unordered(_clairvoyant, missing), len(missing), "oracle")
            for name, found in shown:
                _save(self._setup, self._traces[name], found)
                known[name] = found
        every = {name: value for name, value in known.items() if value is not None}
        self._peaks = {name: dict(value.static_peaks) for name, value in every.items()}
        return every

    def play(self, jobs: Iterable[Job], what: str) -> dict[Job, Result]:
        """Every job once."""
        ordered = sorted(
            set(jobs), key=lambda job: (-float(self._traces[job.trace].rates.sum()), job)
        )
        with self._pool(ordered) as pool:
            return dict(_progress(pool.imap_unordered(_play, ordered), len(ordered), what))

    @contextmanager
    def _pool(self, jobs: Sequence[object]) -> Iterator[Pool]:
        # Spawned, since a fork would copy threads that numba and numpy have started.
        spawning = multiprocessing.get_context("spawn")
        stage = Stage(self._setup, self._traces, self._peaks)
        with spawning.Pool(min(self._processes, max(1, len(jobs))), _enter, (stage,)) as pool:
            yield pool


_stage: list[Stage] = []
"""In a worker: what it holds."""


def _enter(stage: Stage) -> None:
    _stage[:] = [stage]


@lru_cache(maxsize=2)
def _arrivals(name: str) -> NDArray[np.float64]:
    return _stage[0].traces[name].arrivals(TRACE_SEED)


def _play(job: Job) -> tuple[Job, Result]:
    stage = _stage[0]
    fault = FAULTS.get(job.fault, Fault())
    family, chosen = FAMILIES[job.policy], replace(stage.setup, **fault.setup)
    if family.peaks:
        chosen = constant(chosen, stage.peaks[job.trace][job.setting])
    run = Run(chosen, _arrivals(job.trace), stage.traces[job.trace].seconds, job.seed)
    policy = family.make(chosen, job.setting)
    result = run.play(policy, series=job.seed == 0 and not job.fault, look=fault.look)
    if isinstance(policy, Ours):
        result = replace(result, decisions=policy.stopwatch.cost)
    return job, replace(result, series=thinned(result.series))


def thinned(series: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """The largest value of each ten seconds: every point of it comes from another process."""
    return {
        name: [max(values[at : at + THINNED]) for at in range(0, len(values), THINNED)]
        for name, values in series.items()
    }


def _clairvoyant(name: str) -> tuple[str, Clairvoyant]:
    objectives = tuple(s for family in FAMILIES.values() if family.peaks for s in family.settings)
    return name, clairvoyant(_stage[0].setup, _stage[0].traces[name], objectives)


def _progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    started = said = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - said > 5 or done == total:
            said = now
            print(f"{what}: {done} of {total}, {now - started:.0f} s", file=sys.stderr, flush=True)


def _place(setup: Setup, trace: Trace) -> Path:
    """In the cache of the user, by what the clairvoyant depends on: code, setup, arrivals."""
    key = hashlib.sha256(repr(without_variants(setup)).encode())
    for module in (oracle, replicas, simulation):
        key.update(Path(str(module.__file__)).read_bytes())
    key.update(trace.rates.tobytes())
    if trace.exact is not None:
        key.update(trace.exact.tobytes())
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    name = f"{trace.name}-{key.hexdigest()[:16]}.json"
    return root / "triton-operator" / "autoscaling-oracle" / name


def _load(setup: Setup, trace: Trace) -> Clairvoyant | None:
    try:
        kept = json.loads(_place(setup, trace).read_text())
        return Clairvoyant(
            kept["attainment"],
            kept["replica_seconds"],
            tuple(kept["plan"]),
            tuple((objective, n) for objective, n in kept["static_peaks"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _save(setup: Setup, trace: Trace, found: Clairvoyant) -> None:
    place = _place(setup, trace)
    place.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place: two benchmarks may run at once.
    with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as partial:
        json.dump(asdict(found), partial)
    Path(partial.name).replace(place)
