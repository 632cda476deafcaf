"""The ways to run a model on a replica: what the sweep tries, and what Triton does unasked."""

from __future__ import annotations

from dataclasses import dataclass

from bench.planner.prepared import Prepared
from triton_operator.api.enums import Precision
from triton_operator.planning.candidate import between
from triton_operator.triton.model_config import ModelSettings, config_text, model_config

SIZES = (1, 2, 4, 8, 16)
"""Largest batches. The planner measures up to 16 on CPUs."""
DEFAULT_BATCH, DEFAULT_INSTANCES = 4, 2


@dataclass(frozen=True, order=True)
class Way:
    """`threads` of each instance; None: Triton's word is not given, so as many as there are cores.

    `max_batch` is Triton's; 0: the model has no batch axis.
    """

    precision: Precision
    instances: int
    threads: int | None
    max_batch: int

    @property
    def name(self) -> str:
        """Of the model in Triton, and in tables."""
        threads = self.threads or "all"
        return f"{self.precision.lower()}-{self.instances}x{threads}-b{self.max_batch}"

    def config(self, model: Prepared) -> str:
        """config.pbtxt, as the operator writes it."""
        settings = ModelSettings(
            model_name=self.name,
            inputs=model.facts.inputs,
            outputs=model.facts.outputs,
            max_batch_size=self.max_batch,
            instances=self.instances,
            gpu=False,
            threads=self.threads,
            dynamic_batching=self.max_batch > 1,
        )
        return config_text(model_config(settings))


def arrangements(cores: int) -> tuple[tuple[int, int], ...]:
    """(instances, threads of each) that the sweep tries on so many cores.

    One instance with all cores, an instance for each core, what the product tries between them, and
    twice as many instances as cores with a thread each, which no rule of the product allows: if it
    pays, the sweep shall say so.
    """
    middle = [(number, cores // number) for number in between(cores)]
    return tuple(dict.fromkeys([(1, cores), (cores, 1), *middle, (2 * cores, 1)]))


def sweep_ways(model: Prepared, cores: int, largest: int) -> list[Way]:
    """All of them; INT8 only where the copy is accepted: no other may be served."""
    precisions = [Precision.FP32, *([] if model.copy.refusal else [Precision.INT8])]
    sizes = [size for size in SIZES if size <= largest] if model.facts.batchable else [0]
    return [
        Way(precision, instances, threads, size)
        for precision in precisions
        for instances, threads in arrangements(cores)
        for size in sizes
    ]


def default_way(model: Prepared) -> Way:
    """What Triton makes of an ONNX file without a config on a node without a GPU.

    Its ONNX Runtime backend completes `max_batch_size: 4` (`default-max-batch-size`) with
    `dynamic_batching {}`, and its core `count: 2` for KIND_CPU (both as Triton 2.51 itself tells at
    `/v2/models/NAME/config`). Each instance has a thread for every core that the process sees.
    """
    size = DEFAULT_BATCH if model.facts.batchable else 0
    return Way(Precision.FP32, DEFAULT_INSTANCES, None, size)
