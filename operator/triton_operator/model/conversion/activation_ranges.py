"""Ranges of activations as a short text, so that a copy can be made without what they came from.

Activations are quantised symmetrically, so a range is one number: the largest magnitude that was
seen. It is rounded up to the eight bits of a bfloat16, which costs at most 0.8 % of the resolution.
So a text of 600 characters holds the ranges of 225 activations, in the order of their names.
"""

import base64
import binascii
from collections.abc import Collection, Mapping

import numpy as np

from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed

_DROPPED_BITS = 16
"""Of an FP32 number; what is left is a bfloat16."""


def encoded(magnitudes: Mapping[str, float]) -> str:
    """The largest magnitude of each activation, as Base64 of bfloat16, big-endian."""
    values = np.array([magnitudes[name] for name in sorted(magnitudes)], dtype=np.float32)
    # The bits of positive floats are ordered as the numbers are: adding rounds up.
    bits = values.view(np.uint32).astype(np.uint64) + (1 << _DROPPED_BITS) - 1
    return base64.b64encode((bits >> _DROPPED_BITS).astype(">u2").tobytes()).decode()


def decoded(text: str, names: Collection[str]) -> dict[str, float]:
    """The magnitudes, by name.

    Raises:
        WorkFailed: `InvalidArguments`: it is no such text, or one of another model.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WorkFailed(
            reasons.INVALID_ARGUMENTS, f"the ranges of activations are no Base64: {error}"
        ) from error
    if len(content) != 2 * len(names):
        raise WorkFailed(
            reasons.INVALID_ARGUMENTS,
            f"there are {len(content) // 2} ranges of activations, and the model has {len(names)}",
        )
    bits = np.frombuffer(content, dtype=">u2").astype(np.uint32) << _DROPPED_BITS
    values = bits.astype(np.uint32).view(np.float32)
    return dict(zip(sorted(names), map(float, values), strict=True))
