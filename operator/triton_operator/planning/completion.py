"""What is filled in where the config.pbtxt of a repository's model is silent."""

from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.api.enums import BatchingMode
from triton_operator.api.inference_service import Batching
from triton_operator.api.repository import RepositoryModel, SilentField
from triton_operator.api.tensors import Tensor
from triton_operator.planning.overload import QueueChoice, choose_queue
from triton_operator.triton.datatypes import CONFIG_TYPES
from triton_operator.triton.tensor_shapes import tensor_problem

GPU_BACKENDS = ("onnxruntime", "tensorrt", "pytorch")
"""Backends whose instances belong on the GPU of a GPU pool. Python models decide for themselves."""


@dataclass(frozen=True)
class Completion:
    """Fields to add to one model's config; None and False add nothing."""

    model: str
    instance_kind: str | None = None
    threads: int | None = None
    dynamic_batching: bool = False
    queue_delay_microseconds: int = 0
    metric_tags: bool = False
    max_batch_size: int = 0
    """Of inputs and outputs, as the author has it: above 0, their batch axis is not written."""
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    queue_timeout_microseconds: int = 0

    @property
    def reason(self) -> str | None:
        """What is added that changes how the model runs, for people; None: nothing."""
        parts = []
        if self.inputs:
            parts.append("input and output, as in its ONNX file")
        if self.instance_kind:
            parts.append(f"instance_group (one, {self.instance_kind})")
        if self.dynamic_batching:
            parts.append(f"dynamic_batching{self._queue_words()}")
        if self.threads:
            parts.append(f"intra_op_thread_count {self.threads}")
        if not parts:
            return None
        return f"completed in the config.pbtxt of {self.model}: {', '.join(parts)}"

    def _queue_words(self) -> str:
        if self.queue_timeout_microseconds:
            return f" (rejects after {self.queue_timeout_microseconds / 1000:g} ms)"
        delay = self.queue_delay_microseconds
        return f" (delay {delay} µs)" if delay else ""


def completions(
    models: Sequence[RepositoryModel],
    batching: Batching,
    *,
    gpu: bool,
    threads: int | None,
    devices: int,
    objective_milliseconds: int,
) -> tuple[Completion, ...]:
    """One row for each model, the entry model first; whatever the author wrote stays.

    `devices` are those of a replica: Triton starts a model once on each. The threads of a replica
    are divided among the models of ONNX Runtime: each would otherwise start one per core of the
    node.
    """
    sharing = max(1, sum(row.backend == "onnxruntime" for row in models))
    share = None if threads is None else max(1, threads // sharing)

    def queue(row: RepositoryModel) -> QueueChoice:
        # How many instances a group of the author's has, the facts do not tell.
        alone = devices == 1 and SilentField.INSTANCE_GROUP in row.silent
        return choose_queue(
            batching,
            objective_milliseconds,
            batched=_is_batched(row, batching),
            single_instance=alone,
        )

    return tuple(
        Completion(
            model=row.name,
            instance_kind=_kind(row, gpu=gpu),
            threads=share if SilentField.THREADS in row.silent and not gpu else None,
            dynamic_batching=_is_batched(row, batching),
            queue_delay_microseconds=queue(row).delay,
            queue_timeout_microseconds=queue(row).timeout,
            metric_tags=SilentField.METRIC_TAGS in row.silent,
            max_batch_size=row.max_batch_size if _is_told(row) else 0,
            inputs=tuple(row.inputs) if _is_told(row) else (),
            outputs=tuple(row.outputs) if _is_told(row) else (),
        )
        for row in models
    )


def left_to_triton(models: Sequence[RepositoryModel]) -> list[str]:
    """Models whose inputs and outputs Triton has to read from the model file itself."""
    return [row.name for row in models if SilentField.TENSORS in row.silent and not _is_told(row)]


def _is_told(row: RepositoryModel) -> bool:
    """Whether an inspection found the tensors about which the config is silent.

    A profile may be a tenant's own: what no config can say is not written.
    """
    if SilentField.TENSORS not in row.silent or not row.inputs or not row.outputs:
        return False
    known = all(tensor.datatype in CONFIG_TYPES for tensor in (*row.inputs, *row.outputs))
    return known and tensor_problem(row.inputs, row.outputs, row.max_batch_size) is None


def _kind(row: RepositoryModel, *, gpu: bool) -> str | None:
    if SilentField.INSTANCE_GROUP not in row.silent:
        return None
    if not gpu or row.backend == "openvino":
        return "KIND_CPU"
    return "KIND_GPU" if row.backend in GPU_BACKENDS else None


def _is_batched(row: RepositoryModel, batching: Batching) -> bool:
    return (
        SilentField.SCHEDULING in row.silent
        and row.max_batch_size > 1
        and batching.mode is not BatchingMode.OFF
    )
