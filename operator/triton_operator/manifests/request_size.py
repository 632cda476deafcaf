"""How large a request over HTTP may be."""

from math import prod

from triton_operator.api.model_profile import ModelFacts
from triton_operator.triton.datatypes import size_of

TRITON_DEFAULT_BYTES = 64 * 2**20
"""Triton's own limit of a request's body, measured after decompression."""
JSON_BYTES_PER_VALUE = 16
"""A number written as JSON: sign, digits, exponent and comma."""


def max_http_input_bytes(facts: ModelFacts, max_batch_size: int) -> int | None:
    """The limit where a full batch sent as JSON would not fit into Triton's default, else None.

    None too where a tensor has an axis of any length: then the size cannot be known.
    """
    total = 0
    for tensor in facts.inputs:
        axes = tensor.shape[1:] if max_batch_size > 0 else tensor.shape
        if any(axis < 0 for axis in axes) or tensor.datatype == "BYTES":
            return None
        per_value = max(JSON_BYTES_PER_VALUE, size_of(tensor.datatype))
        total += prod(axes) * max(1, max_batch_size) * per_value
    return total if total > TRITON_DEFAULT_BYTES else None
