"""What one replica does where requests always wait: as measured, or what its server takes at most.

Batches are not all of the work. For each request Triton parses HTTP or gRPC, schedules, copies and
answers, on the replica's own cores and beside the batches, so that their times say nothing of it. A
model of microseconds would be promised tens of thousands of requests/s by its batches alone.

    requests/s <= cores / (CPU seconds per request)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from triton_operator.api.model_profile import Measurement, ModelFacts
from triton_operator.api.tensors import Tensor
from triton_operator.planning.measurements import ReplicaShape
from triton_operator.triton.datatypes import STRING, size_of

REQUEST_CPU_SECONDS = 0.00025
"""Of the server for one small request, over what batches take: CPU time of a real Triton 2.51 with
its core full, 4 to 1,024 FP32 values, HTTP and gRPC: 0.05 to 0.15 ms in tritonserver, and as much
again in the Python process that stands for the backend in our CPU image: 0.08 ms in all in full
batches of 16, 0.28 ms in batches of one. Nobody measured NVIDIA's own image; its backends are in
the server's process, so it should do with half of this."""
BYTE_CPU_SECONDS = 2e-9
"""More for each byte of tensors, which is copied several times: 1.4 to 2.9 ns at 64 and 600 KB."""


@dataclass(frozen=True)
class Throughput:
    """Requests/s of one replica where more always wait; `measured`: somebody saw it, or said so."""

    rate: float
    measured: bool


def server_rate(facts: ModelFacts, cores: float) -> float:
    """Requests/s of one row that the server of a replica with so many cores takes at most.

    Only what is large for sure counts: an axis of any length, as the batch's, has one value.

    Raises:
        UnknownDatatype: Triton has no such type.
    """
    moved = sum(_least_bytes(tensor) for tensor in (*facts.inputs, *facts.outputs))
    return cores / (REQUEST_CPU_SECONDS + BYTE_CPU_SECONDS * moved)


def throughput_of(row: Measurement, shape: ReplicaShape) -> Throughput:
    """What the replica does that runs as `row` says, which fits it (see `ReplicaShape.takes`).

    A row's throughput is of a replica with one accelerator, or with the CPUs of all its threads;
    more devices do more, and nobody knows how much. One that names no threads says it of all: it
    may be of a larger replica, so it never promises more than the server of this one takes.
    """
    most = Throughput(shape.server_rate, measured=False)
    if row.throughput is None or shape.devices > 1:
        return most
    told = Throughput(float(row.throughput), measured=True)
    if shape.cores is not None and row.threads is None and told.rate > most.rate:
        return most
    return told


def _least_bytes(tensor: Tensor) -> int:
    value = 1 if tensor.datatype == STRING else size_of(tensor.datatype)
    return prod(axis for axis in tensor.shape if axis > 0) * value
