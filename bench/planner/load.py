"""Runs of an open-loop load against one way to run a model, each made once and then remembered."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.planner.disturbance import (
    is_disturbed,
    is_ours,
    scheduled,
    share_of_others,
    waited_for_others,
)
from bench.planner.generator import Seen, Wanted, packed
from bench.planner.prepared import Prepared
from bench.planner.runs import Runs, run_key
from bench.planner.schedule import run_seconds
from bench.planner.search import rate_of
from bench.planner.served import Served
from bench.planner.ways import Way
from e2e.harness.paths import REPOSITORY
from triton_operator.api.tensors import Tensor
from triton_operator.model.measurement.inputs import DTYPES, Inputs, sampled_inputs
from triton_operator.model.measurement.request_body import request_body
from triton_operator.model.measurement.triton_client import TritonClient

DISTINCT_REQUESTS = 32
MOST_CONNECTIONS = 200
MOST_TRIES = 3
"""Of a run that fails while others use the replica's cores."""
LOOK_SECONDS = 0.3
WARM_UP_REQUESTS, WARM_UP_RATE, WARM_UP_SECONDS = 4, 30.0, 0.5
LATE_FOR_NOBODY = 60.0


@dataclass
class Loads:
    """Runs against one model. `circumstances` decide what a run shows, beside way and rate."""

    model: Prepared
    served: Served
    runs: Runs
    circumstances: Mapping[str, Any]
    folder: Path
    pauses: Sequence[Path] = ()
    """Files that tell when the machine stood still."""
    patience_seconds: float = 0.0
    """For which a run waits until others leave the replica's cores alone."""
    asked: dict[str, float] = field(default_factory=dict)
    """Seconds of each run that was asked for, by its key; remembered ones took as long."""
    made: int = 0
    seconds: float = 0.0
    paused_seconds: float = 0.0
    """Of these."""
    disturbed: int = 0
    doubtful: int = 0
    """Runs that failed at every try while others used the replica's cores."""
    _process: subprocess.Popen[str] | None = None

    def keeps(self, way: Way, place: int, objective_seconds: float, seeds: Sequence[int]) -> bool:
        """Whether the objective is kept at that rate in the run of one of the seeds.

        One that is not kept may be bad luck with arrivals or a moment's noise; two are taken for
        the truth.
        """
        return any(self.run(way, place, objective_seconds, seed).kept for seed in seeds)

    def run(self, way: Way, place: int, objective_seconds: float, seed: int) -> Seen:
        """One run; while others used the replica's cores and it failed, again."""
        rate = rate_of(place)
        key = run_key(
            **self.circumstances,
            way=way.config(self.model),
            int8=way.precision,
            rate=round(rate, 6),
            seconds=run_seconds(rate),
            objective=objective_seconds,
            seed=seed,
        )
        if (kept := self.runs.get(key)) is not None:
            self.asked[key] = kept["took"]
            return Seen(**kept["seen"])
        self._make_ready(way)
        for _ in range(MOST_TRIES):
            self.await_quiet()
            cores = self.served.cores
            began, before = time.monotonic(), scheduled(self.served.session, cores)
            seen = self._generated(way, rate, objective_seconds, seed)
            took = time.monotonic() - began
            after = scheduled(self.served.session, cores)
            threads = way.instances * (way.threads or len(cores))
            waited = waited_for_others(before, after, threads, len(cores))
            others = share_of_others(before, after, took, len(cores))
            self.made += 1
            self.seconds += seen.seconds
            self.paused_seconds += seen.paused_seconds
            behind = seen.behind_seconds / objective_seconds
            undisturbed = seen.kept or not is_disturbed(waited, others, behind)
            if undisturbed:
                break
            self.disturbed += 1
        self.asked[key] = took
        if undisturbed:
            about = {"way": way.name, "rate": rate, "seed": seed, "took": took}
            shares = {"waited": waited, "others": others}
            self.runs.put(key, {**about, **shares, "seen": asdict(seen)})
        else:
            # It counts now, as something has to. It is not remembered: it says nothing of the way.
            self.doubtful += 1
        return seen

    def await_quiet(self) -> None:
        """Wait until others leave the replica's cores alone, for as long as there is patience."""
        end = time.monotonic() + self.patience_seconds
        while time.monotonic() < end and not is_ours(self.served.cores):
            time.sleep(LOOK_SECONDS)

    def _make_ready(self, way: Way) -> None:
        """Have this way loaded, alone, and past its first executions, which allocate memory."""
        if not self.served.use(way):
            return
        facts = self.model.facts
        inputs = sampled_inputs(facts.inputs, self.model.rows, batched=facts.batchable)
        with TritonClient(self.served.url, way.name) as client:
            for size in dict.fromkeys((1, max(1, way.max_batch))):
                body = request_body(inputs.batch(size), size)
                client.send(body, WARM_UP_REQUESTS, way.instances)
        # The generator, its connections and Triton's threads for them are new too.
        self._generated(way, WARM_UP_RATE, LATE_FOR_NOBODY, 1, WARM_UP_SECONDS)

    def _generated(
        self,
        way: Way,
        rate: float,
        objective_seconds: float,
        seed: int,
        seconds: float | None = None,
    ) -> Seen:
        # More under way than this is late in any case, and would only be waited for at the end.
        connections = 8 + math.ceil(2 * rate * objective_seconds) + 2 * max(1, way.max_batch)
        wanted = Wanted(
            model=way.name,
            rate=rate,
            seconds=seconds or run_seconds(rate),
            seed=seed,
            objective=objective_seconds,
            connections=min(MOST_CONNECTIONS, connections),
        )
        process = self._process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asdict(wanted)) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the generator of requests ended with {process.wait()}")
        return Seen(**json.loads(line))

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.model.name}.requests"

    def _started(self) -> subprocess.Popen[str]:
        """The generator, with requests of one row each from the samples."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file.write_bytes(packed(_single_rows(self.model)))
        command = [
            *(sys.executable, "-m", "bench.planner.generator"),
            *("--url", self.served.url, "--requests", str(self._file.absolute())),
            *("--pauses", *map(str, self.pauses)),
        ]
        return subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        """End the generator."""
        if self._process is not None:
            # It ends with its input.
            self._process.communicate()
            self._process = None
            self._file.unlink(missing_ok=True)


def _single_rows(model: Prepared) -> list[tuple[bytes, int]]:
    batched = model.facts.batchable
    with np.load(model.rows, allow_pickle=False) as archive:
        columns = {
            tensor.name: archive[tensor.name].astype(DTYPES[tensor.datatype])
            for tensor in model.facts.inputs
        }
    tensors: Sequence[Tensor] = model.facts.inputs
    count = min(DISTINCT_REQUESTS, *map(len, columns.values()))
    found = []
    for number in range(count):
        one = {name: column[number : number + 1] for name, column in columns.items()}
        body = request_body(Inputs(tensors, one, batched).batch(1), 1)
        found.append((body.content, body.json_bytes))
    return found
