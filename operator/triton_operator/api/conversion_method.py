"""The ways to a copy in another precision, and how much has to be compared for one to count."""

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

    @property
    def precision(self) -> Precision:
        """What the result is called."""
        return Precision.FP16 if self is Method.FP16 else Precision.INT8


CONVERTED = (Precision.FP16, Precision.INT8)
"""What copies are made in. BF16 never: ONNX Runtime does not load such models on CPUs, so nothing
could verify them."""
LEAST_ROWS = 32
"""Rows of real inputs from which on a comparison is more than a smoke test: one is 3 % then."""
