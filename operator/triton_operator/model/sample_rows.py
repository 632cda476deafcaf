"""Samples: real inputs of a model, in an .npz with one array per input, named like the input.

Axis 0 of every array counts the rows, and all arrays have equally many. A row is one request. An
array with as many axes as the input has its batch axis in axis 0: row i of `[rows, 4]` is what an
input of shape `[-1, 4]` gets as `[1, 4]`. An array with one axis more holds whole inputs: row i of
`[rows, 2, 64]` is what an input of shape `[2, 64]` gets, whatever its first axis means.
"""

import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triton_operator.api.tensors import Tensor
from triton_operator.model import reasons
from triton_operator.model.digest import spelled
from triton_operator.model.errors import WorkFailed

Array = NDArray[Any]
Feeds = Mapping[str, Array]
"""What one run of a model is given, by name of the input."""

MOST_BYTES = 4 << 30
"""Of all arrays, unpacked: an .npz can be compressed."""

NUMPY_TYPES: Mapping[str, type[Any]] = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}
"""What ONNX Runtime takes for each of Triton's datatypes. NumPy has no BF16."""


@dataclass(frozen=True)
class Samples:
    """Checked rows for the inputs of one model."""

    arrays: Mapping[str, Array]
    inputs: Sequence[Tensor]
    rows: int
    digest: str
    """Of the values: the same rows have one digest, however the .npz was packed."""
    generated: bool = False
    """Made up, not given by anybody."""

    @property
    def rows_per_run(self) -> int:
        """Rows that one run takes: 1, or the length of a fixed batch axis."""
        return max(self._step(tensor) for tensor in self.inputs)

    def chosen(self, wanted: slice) -> "Samples":
        """Some of the rows; the digest stays that of all."""
        arrays = {name: array[wanted] for name, array in self.arrays.items()}
        rows = len(range(self.rows)[wanted])
        return Samples(arrays, self.inputs, rows, self.digest, self.generated)

    def runs(self) -> Iterator[Feeds]:
        """Inputs of one run after another, in the order of the rows.

        Rows are never put together beyond what a fixed batch axis needs: the composition of a batch
        changes the last bits of results, and with them what is compared.
        """
        step = self.rows_per_run
        for first in range(0, self.rows - step + 1, step):
            yield self.run_from(first)

    def run_from(self, first: int) -> Feeds:
        """Inputs of the run that begins with row `first`."""
        step = self.rows_per_run
        return {
            tensor.name: self.arrays[tensor.name][first]
            if self._is_whole(tensor)
            else self.arrays[tensor.name][first : first + step]
            for tensor in self.inputs
        }

    def _is_whole(self, tensor: Tensor) -> bool:
        return self.arrays[tensor.name].ndim == len(tensor.shape) + 1

    def _step(self, tensor: Tensor) -> int:
        return 1 if self._is_whole(tensor) else max(1, tensor.shape[0])


def read_samples(path: Path, inputs: Sequence[Tensor], *, most_bytes: int = MOST_BYTES) -> Samples:
    """The rows in the .npz at `path`, checked against the model's inputs.

    Raises:
        WorkFailed: `SamplesRefused`: no .npz, an input without an array, another type or shape.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > most_bytes:
            raise _refused(f"{path} unpacks to {unpacked} bytes; at most {most_bytes} are read")
        with np.load(path, allow_pickle=False) as loaded:
            found = {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _refused(
            f"{path} cannot be read as an .npz without pickled objects: {error}; save it with "
            "numpy.savez(FILE, INPUT=ARRAY, …)"
        ) from error
    return checked_samples(found, inputs)


def checked_samples(
    found: Mapping[str, Array], inputs: Sequence[Tensor], *, generated: bool = False
) -> Samples:
    """Rows from arrays by name of the input.

    Raises:
        WorkFailed: `SamplesRefused`.
    """
    names = [tensor.name for tensor in inputs]
    if set(names) != set(found):
        raise _refused(
            f"the samples have arrays for {_listed(found)}; the model takes {_listed(names)}"
        )
    arrays = {tensor.name: _fitting(found[tensor.name], tensor) for tensor in inputs}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        shown = ", ".join(f"'{name}' {length}" for name, length in lengths.items())
        raise _refused(f"axis 0 counts rows, and has to be the same everywhere; it is: {shown}")
    rows = next(iter(lengths.values()))
    samples = Samples(arrays, tuple(inputs), rows, _digest(arrays), generated)
    _refuse_odd_batches(samples)
    return samples


def _fitting(array: Array, tensor: Tensor) -> Array:
    """The array in the type of the input. NumPy makes FP64 and INT64 where nobody asks."""
    wanted = NUMPY_TYPES.get(tensor.datatype)
    if wanted is None:
        raise _refused(f"input '{tensor.name}' is {tensor.datatype}, which an .npz cannot hold")
    rank = len(tensor.shape)
    if array.ndim not in (rank, rank + 1) or array.ndim == 0:
        raise _refused(
            f"the array for '{tensor.name}' has the shape {list(array.shape)}; rows of an input of "
            f"shape {tensor.shape} have {rank} axes (with a batch axis) or {rank + 1}"
        )
    fixed = tensor.shape if array.ndim == rank + 1 else tensor.shape[1:]
    given = array.shape[array.ndim - len(fixed) :]
    if any(want not in (-1, have) for want, have in zip(fixed, given, strict=True)):
        raise _refused(
            f"the array for '{tensor.name}' has the shape {list(array.shape)}, which does not fit "
            f"the input's {tensor.shape}"
        )
    if wanted is np.object_:
        if array.dtype.kind not in "US":
            raise _refused(f"the array for '{tensor.name}' is {array.dtype}; it has to be text")
        try:
            return array.astype(np.str_).astype(np.object_)
        except UnicodeDecodeError as error:
            raise _refused(
                f"the array for '{tensor.name}' has bytes that are no ASCII; save it as text"
            ) from error
    if not np.can_cast(array.dtype, wanted, casting="same_kind"):
        raise _refused(
            f"the array for '{tensor.name}' is {array.dtype}, the input {wanted.__name__}"
        )
    with np.errstate(over="ignore"):
        # Neither copies what is right already: samples may be half of what this process has.
        cast = np.ascontiguousarray(array.astype(wanted, copy=False))
    if cast.dtype != array.dtype and array.dtype.kind in "iu" and not np.array_equal(cast, array):
        raise _refused(f"the array for '{tensor.name}' has values beyond {wanted.__name__}")
    return cast


def _refuse_odd_batches(samples: Samples) -> None:
    step = samples.rows_per_run
    if any(samples._step(tensor) != step for tensor in samples.inputs):
        raise _refused(
            f"one input has a batch of {step}, another has not; give inputs that are no batch as "
            "arrays with one axis more, rows first"
        )
    if samples.rows == 0 or samples.rows % step:
        raise _refused(
            f"there are {samples.rows} rows; the model takes them in batches of {step}, so give a "
            "multiple of that"
        )


def _digest(arrays: Mapping[str, Array]) -> str:
    sha256 = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        sha256.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        if array.dtype == np.object_:
            for text in array.ravel():
                sha256.update(f"{len(text)}\0{text}".encode())
        else:
            sha256.update(_raw(array))
    return spelled(sha256)


def _raw(array: Array) -> memoryview:
    """The bytes of a contiguous array, not copied."""
    return array.reshape(-1).view(np.uint8).data


def _listed(names: Iterator[str] | Sequence[str] | Mapping[str, Array]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names)) or "nothing"


def _refused(message: str) -> WorkFailed:
    return WorkFailed(reasons.SAMPLES_REFUSED, message)
