"""A request of the v2 protocol with its tensors as bytes (its binary tensor data extension).

It is made once per batch size and sent many times, so that making it costs no time that counts.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triton_operator.api.tensors import Tensor
from triton_operator.model.measurement.inputs import Array


@dataclass(frozen=True)
class RequestBody:
    """The bytes, and how many of them are the JSON at their beginning; `rows` of a batch."""

    content: bytes
    json_bytes: int
    rows: int


def request_body(tensors: Sequence[tuple[Tensor, Array]], rows: int) -> RequestBody:
    """One request for everything; all outputs come back as bytes too."""
    inputs, parts = [], []
    for tensor, values in tensors:
        data = _bytes_of(tensor.datatype, values)
        parts.append(data)
        inputs.append(
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": list(values.shape),
                "parameters": {"binary_data_size": len(data)},
            }
        )
    header = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return RequestBody(b"".join([header, *parts]), len(header), rows)


def _bytes_of(datatype: str, values: Array) -> bytes:
    if datatype != "BYTES":
        return np.ascontiguousarray(values).tobytes()
    texts = [value if isinstance(value, bytes) else str(value).encode() for value in values.ravel()]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)
