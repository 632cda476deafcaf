"""The smallest model worth serving, y = x + x, with which an installation is checked."""

import base64
import hashlib
from collections.abc import Sequence

SAMPLE_MODEL = base64.b64decode(
    "CAgSADo/Cg4KAXgKAXgSAXkiA0FkZBIBZ1oUCgF4Eg8KDQgBEgkKAxIBTgoCCAJiFAoBeRIPCg0IARIJCgMSAU4KAggC"
    "QgQKABAR"
)
"""ONNX, 75 bytes: one Add, input `x` and output `y`, both FP32 [N, 2]. Constant, so that its
digest is known to the chart, which grants a right on the ModelProfile of that name."""

SAMPLE_DIGEST = f"sha256:{hashlib.sha256(SAMPLE_MODEL).hexdigest()}"
SAMPLE_VALUES = (1.5, -2.0)


def sample_request() -> dict[str, object]:
    """A request with one row, in the form of the KServe v2 protocol."""
    return {
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": list(SAMPLE_VALUES)},
        ]
    }


def is_right(values: Sequence[float]) -> bool:
    """Whether these are the values of `y` for that request; all of them are exact in FP32."""
    return list(values) == [2 * value for value in SAMPLE_VALUES]
