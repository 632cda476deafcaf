"""The ways to a copy of a model, and how much has to be compared for one to count."""

from enum import StrEnum

from triton_operator.api.enums import Precision


class Method(StrEnum):
    """How a model is converted."""

    FP16 = "FP16"
    """Weights and arithmetic in FP16; inputs and outputs stay FP32."""
    INT8_DYNAMIC = "INT8Dynamic"
    """Weights of matrix products in INT8; activations are quantised anew for every request."""
    INT8_STATIC = "INT8Static"
    """Weights and activations in INT8 (Q/DQ nodes), with ranges from calibration samples."""
    DYNAMIC_BATCH = "DynamicBatch"
    """The precision stays; a batch that is fixed at 1 may have any size."""

    @property
    def precision(self) -> Precision:
        """That of the result."""
        if self is Method.DYNAMIC_BATCH:
            return Precision.FP32
        return Precision.FP16 if self is Method.FP16 else Precision.INT8


CONVERTED = (Precision.FP16, Precision.INT8)
"""The other precisions that copies are made in. BF16 never: ONNX Runtime does not load such models
on CPUs, so nothing could verify them."""
LEAST_ROWS = 32
"""Rows of real inputs from which on a comparison is more than a smoke test: one is 3 % then."""


def copy_name(precision: Precision) -> str:
    """What a copy in this precision is called: of those in FP32 only the batch is another one."""
    return Method.DYNAMIC_BATCH if precision is Precision.FP32 else precision
