"""CPU of one replica: instances of the model, threads of each, requests and limits."""

from dataclasses import dataclass

from triton_operator.api.inference_service import Resources
from triton_operator.planning.quantities import cpu_quantity, millicores

DEFAULT_CPU_MILLICORES = 1000


@dataclass(frozen=True)
class ComputeChoice:
    """CPU in millicores. `threads` per instance; None on a GPU, where they do not matter."""

    instances: int
    threads: int | None
    request_millicores: int
    limit_millicores: int
    reason: str


def choose_compute(
    wanted: Resources | None, pool: Resources, *, gpu: bool, instances: int = 1
) -> ComputeChoice:
    """The instances, and as many threads in all as the replica's share of the CPU has whole cores.

    One instance, unless more were measured to do more.
    instances x threads = CPU limit (ONNX Runtime otherwise starts a thread per core of the *node*,
    whatever the quota: onnxruntime_backend#245). The limit is the request rounded up to whole
    cores, since a thread that runs into a quota in mid-batch waits for the next period.
    """
    source, cpu = _share(wanted, pool)
    request = millicores(cpu) if cpu else DEFAULT_CPU_MILLICORES
    limit = -(-request // 1000) * 1000
    if gpu:
        words = f"{instance_words(instances, None)}, {cpu_quantity(request)} CPU"
        return ComputeChoice(instances, None, request, limit, words)
    threads = max(1, limit // 1000 // instances)
    return ComputeChoice(
        instances,
        threads,
        request,
        limit,
        f"{instance_words(instances, threads)}: {cpu_quantity(request)} CPU from {source}",
    )


def instance_words(instances: int, threads: int | None) -> str:
    """The instances, and the threads of each if they are known, as people say it."""
    words = f"{instances} instance{'s' if instances != 1 else ''}"
    if not threads:
        return words
    each = " each" if instances != 1 else ""
    return f"{words} of {threads} thread{'s' if threads != 1 else ''}{each}"


def _share(wanted: Resources | None, pool: Resources) -> tuple[str, str | None]:
    if wanted and wanted.cpu:
        return "spec.hardware.resources", wanted.cpu
    if pool.cpu:
        return "the pool's replicaResources", pool.cpu
    return "the default", None
