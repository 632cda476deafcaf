"""Which precisions a pool's hardware computes in, so that a copy in one of them may be faster."""

from collections.abc import Mapping
from types import MappingProxyType

from triton_operator.api.enums import Precision
from triton_operator.planning.pools import Pool

_FP16, _INT8 = Precision.FP16, Precision.INT8
WITHOUT: Mapping[str, frozenset[Precision]] = MappingProxyType(
    {
        "K80": frozenset({_FP16, _INT8}),
        "M40": frozenset({_FP16, _INT8}),
        "M60": frozenset({_FP16, _INT8}),
        "P100": frozenset({_INT8}),
        "P4": frozenset({_FP16}),
        "P40": frozenset({_FP16}),
    }
)
"""What GPUs older than Volta lack, by a part of their product (Tesla-P100-PCIE-16GB): Kepler and
Maxwell compute in FP32 only, P100 (compute capability 6.0) has no INT8 dot product, and P4 and P40
(6.1) do FP16 at 1/64 of their FP32 rate (throughput of arithmetic instructions in NVIDIA's CUDA C++
guide)."""


def cannot_run(pool: Pool, precision: Precision) -> str | None:
    """Why the pool's hardware gains nothing from this precision; None: it may.

    What whoever runs the pool says in `spec.precisions` counts before what is known of its kind.
    """
    if pool.precisions is not None:
        if precision in pool.precisions:
            return None
        return f"not among spec.precisions of pool {pool.name}"
    if not pool.is_gpu:
        if precision is _FP16:
            return "this pool's CPUs have no FP16 arithmetic that ONNX Runtime uses"
        return None
    if any(precision in WITHOUT.get(part, ()) for part in (pool.product or "").split("-")):
        return f"{pool.product} has no fast {precision} arithmetic"
    return None
