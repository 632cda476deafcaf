"""Measures models of one Triton: what each is, is read from Triton itself."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from triton_operator.model import reasons
from triton_operator.model.digest import file_row
from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.contest import Result, best_rate, contest
from triton_operator.model.measurement.inputs import Inputs, generated_inputs, sampled_inputs
from triton_operator.model.measurement.measured import Measured, SizeMeasured
from triton_operator.model.measurement.probe import Probe, Settings
from triton_operator.model.measurement.served_model import ServedModel, served_model
from triton_operator.model.measurement.triton_client import MOST_SENDERS, TritonClient

Progress = Callable[[str, SizeMeasured], None]
"""Takes the model's name and what was just measured."""
POLL_SECONDS = 0.2


def _silent(_name: str, _size: SizeMeasured) -> None:
    pass


@dataclass(frozen=True)
class Session:
    """How to measure. `seed` decides made-up inputs, `largest` bounds batches.

    `load_seconds`: for how long a model may be loading when its turn comes.
    """

    url: str
    seed: str
    samples: Path | None = None
    largest: int | None = None
    bound_seconds: float | None = None
    load_seconds: float = 0.0
    progress: Progress = _silent
    models: dict[str, ServedModel] = field(default_factory=dict)
    """Those measured so far, by name."""

    def compared(self, names: list[str], budget_seconds: float) -> list[Result]:
        """Every model, the best one first; one that cannot be measured is a result too."""
        return contest(names, self.measured, budget_seconds, self._rate)

    def measured(self, name: str, budget_seconds: float) -> Measured:
        """One model.

        Raises:
            WorkFailed: it is not loaded, or cannot be measured.
        """
        with TritonClient(self.url, name) as client:
            self._wait_for(client)
            model = self.models[name] = served_model(client.config())
            own = max(1, model.max_batch_size)
            settings = Settings(
                largest=min(own, self.largest or own),
                instances=model.instances,
                budget_seconds=budget_seconds,
                bound_seconds=self.bound_seconds,
                most_senders=MOST_SENDERS,
            )
            return Probe(
                client,
                self._inputs(model),
                settings,
                clock=time.monotonic,
                sleep=time.sleep,
                own_cpu=time.process_time,
                progress=lambda size: self.progress(name, size),
            ).measure()

    def samples_digest(self) -> str | None:
        """sha256 of the samples' file; None: inputs are made up.

        Raises:
            WorkFailed: it cannot be read.
        """
        if self.samples is None:
            return None
        try:
            return file_row(self.samples, self.samples.name).digest
        except OSError as error:
            raise WorkFailed(reasons.SAMPLES_REFUSED, f"samples {self.samples}: {error}") from error

    def version(self) -> str:
        """Triton's own version.

        Raises:
            WorkFailed: it does not answer.
        """
        with TritonClient(self.url, "") as client:
            return client.version()

    def _rate(self, name: str, found: Measured) -> float:
        return best_rate(found, self.models[name].instances, self.bound_seconds)

    def _inputs(self, model: ServedModel) -> Inputs:
        if self.samples is not None:
            return sampled_inputs(model.inputs, self.samples, batched=model.batched)
        return generated_inputs(model.inputs, batched=model.batched, seed=self.seed)

    def _wait_for(self, client: TritonClient) -> None:
        end = time.monotonic() + self.load_seconds
        while not client.is_ready():
            if time.monotonic() >= end:
                # Says it if nothing answers at all.
                client.version()
                raise WorkFailed(
                    reasons.MODEL_NOT_LOADED,
                    f"Triton has no model {client.model} that is ready"
                    + (f" after {self.load_seconds:.0f} s" if self.load_seconds else ""),
                )
            time.sleep(POLL_SECONDS)


def progress_line(name: str, size: SizeMeasured) -> str:
    """One line of JSON about a batch size, for a log."""
    return json.dumps(
        {
            "model": name,
            "batchSize": size.batch_size,
            "milliseconds": round(size.seconds * 1000, 4),
            "clientMilliseconds": round(size.client_seconds * 1000, 4),
            "clientP99Milliseconds": round(size.client_p99_seconds * 1000, 4),
            "executions": size.executions,
            "narrow": size.narrow,
        }
    )
