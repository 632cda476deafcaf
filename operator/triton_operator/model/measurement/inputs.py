"""What a model is fed with while it is measured: rows of samples, or numbers made up."""

import hashlib
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from triton_operator.api.tensors import Tensor
from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed
from triton_operator.model.sample_rows import read_samples

Array = npt.NDArray[np.generic]

DTYPES: Mapping[str, str] = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "u2",
    "UINT32": "u4",
    "UINT64": "u8",
    "INT8": "i1",
    "INT16": "i2",
    "INT32": "i4",
    "INT64": "i8",
    "FP16": "f2",
    "FP32": "f4",
    "FP64": "f8",
    # numpy has no type for it: the upper half of a float's bits.
    "BF16": "u2",
    "BYTES": "O",
}
DISTINCT_ROWS = 64
"""Rows made up for one input; larger batches repeat them."""
MOST_INPUT_BYTES = 1 << 30
"""Of one batch: more would say more about the client's memory than about the model."""
_WORD = b"measured"


class Inputs:
    """Gives batches of any size, the same ones each time."""

    def __init__(self, tensors: Sequence[Tensor], columns: Mapping[str, Array], batched: bool):
        self._tensors = tensors
        self._columns = columns
        self.batched = batched

    def batch(self, size: int) -> list[tuple[Tensor, Array]]:
        """Each tensor with its values: `size` rows, or for a model without a batch axis one whole
        input.

        Raises:
            WorkFailed: they would take more than 1 GiB.
        """
        row_bytes = sum(int(column[:1].nbytes) for column in self._columns.values())
        if row_bytes * size > MOST_INPUT_BYTES:
            raise WorkFailed(
                reasons.INVALID_ARGUMENTS,
                f"the inputs of a batch of {size} take {row_bytes * size:,} bytes, the most is "
                f"{MOST_INPUT_BYTES:,}: measure smaller batches",
            )
        found = []
        for tensor in self._tensors:
            column = self._columns[tensor.name]
            values = column[np.arange(size) % len(column)] if self.batched else column[0]
            found.append((tensor, values))
        return found


def generated_inputs(tensors: Sequence[Tensor], *, batched: bool, seed: str) -> Inputs:
    """Made-up inputs, the same for the same `seed`, such as the model's digest.

    Floats are spread evenly from 0 to 1. Integers are 0: an index into a table always has that
    one. Booleans are true, so that no mask hides work. Axes of any length have length 1, which
    says little about a model for texts: give samples.

    Raises:
        WorkFailed: a type that cannot be made up.
    """
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    random = np.random.default_rng(number)
    columns: dict[str, Array] = {}
    for tensor in tensors:
        shape = [
            1 if axis < 0 else axis for axis in (tensor.shape[1:] if batched else tensor.shape)
        ]
        rows = DISTINCT_ROWS if batched and prod(shape) < 1 << 20 else 1
        columns[tensor.name] = _made_up(tensor.datatype, (rows, *shape), random)
    return Inputs(tensors, columns, batched)


def _made_up(datatype: str, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    if datatype not in DTYPES:
        raise WorkFailed(reasons.INVALID_ARGUMENTS, f"no inputs of type {datatype} can be made up")
    if datatype == "BF16":
        return _upper_half(random.random(shape, dtype=np.float32))
    if datatype.startswith("FP"):
        return random.random(shape, dtype=np.float32).astype(DTYPES[datatype])
    if datatype == "BYTES":
        return np.full(shape, _WORD, dtype=np.object_)
    return np.full(shape, datatype == "BOOL", dtype=DTYPES[datatype])


def sampled_inputs(tensors: Sequence[Tensor], file: Path, *, batched: bool) -> Inputs:
    """Inputs from an .npz, which is read as everywhere (see `sample_rows`).

    With a batch axis all rows are there to be put together, without one only the first request.

    Raises:
        WorkFailed: `SamplesRefused`: it cannot be read, an array is missing, or does not fit the
            model; or its requests cannot be batched, as inputs differ in their numbers of rows.
    """
    # NumPy has no BF16: such inputs are given as floats.
    told = [
        one.model_copy(update={"datatype": "FP32"}) if one.datatype == "BF16" else one
        for one in tensors
    ]
    samples = read_samples(file, told)
    first = samples.run_from(0)
    if batched:
        lengths = {name: len(array) for name, array in first.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"'{name}' {length}" for name, length in lengths.items())
            raise WorkFailed(
                reasons.SAMPLES_REFUSED,
                f"samples {file}: one request has the same number of rows in all inputs; it is: "
                f"{shown}",
            )
    columns: dict[str, Array] = {}
    for tensor in tensors:
        array = samples.arrays[tensor.name]
        if not batched:
            array = first[tensor.name][None]
        elif array.ndim > len(tensor.shape):
            array = array.reshape(-1, *array.shape[2:])
        columns[tensor.name] = _upper_half(array) if tensor.datatype == "BF16" else array
    return Inputs(tensors, columns, batched)


def _upper_half(floats: Array) -> Array:
    """BF16, of FP32."""
    return (floats.view(np.uint32) >> 16).astype(np.uint16)
