"""One request in no protocol's terms, and what carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from triton_operator.client.errors import BadInput
from triton_operator.client.outcome import Reply, Tensors


@dataclass(frozen=True)
class SequencePart:
    """Which part of which sequence."""

    sequence_id: int | str
    start: bool
    end: bool


@dataclass(frozen=True)
class Request:
    """`outputs`: the names that are wanted; none: all."""

    model: str
    inputs: Tensors
    outputs: tuple[str, ...] = ()
    version: str = ""
    request_id: str = ""
    sequence: SequencePart | None = None


class Transport(Protocol):
    """Asks one endpoint."""

    def send(self, request: Request, seconds: float) -> Reply:
        """What it answers within this time; whatever happens on the way is a Reply too.

        Raises:
            BadInput: a tensor cannot be written; nothing was sent.
        """

    def close(self) -> None:
        """Close what is idle now, and the rest when it is."""


def tensors(inputs: Mapping[str, npt.ArrayLike]) -> Tensors:
    """Arrays of types that Triton has.

    Raises:
        BadInput: for one without a counterpart, and if there is none at all.
    """
    if not inputs:
        raise BadInput("inputs: a request has at least one tensor")
    made = {name: np.asarray(value) for name, value in inputs.items()}
    for name, array in made.items():
        if array.dtype.kind == "U":
            made[name] = np.char.encode(array, "utf-8").astype(np.object_)
        elif np_to_triton_dtype(array.dtype) is None:
            raise BadInput(f"inputs.{name}: dtype {array.dtype} has no counterpart in Triton")
    return made


def filled(kind: Any, arrays: Tensors) -> list[Any]:
    """A protocol's own `InferInput`s: tritonclient has a `kind` of them for each.

    Raises:
        BadInput: an array of objects that are no text, or one that is too large.
    """
    made = []
    for name, array in arrays.items():
        try:
            tensor = kind(name, list(array.shape), np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(array)
        except (InferenceServerException, ValueError, TypeError, AttributeError) as error:
            raise BadInput(f"inputs.{name}: {error}") from error
        made.append(tensor)
    return made


def wanted(outputs: Sequence[str]) -> tuple[str, ...]:
    """Names of outputs; a lone string would be taken for its letters.

    Raises:
        BadInput: it is one.
    """
    if isinstance(outputs, str):
        raise BadInput(f"outputs: a list of names, such as [{outputs!r}]")
    return tuple(outputs)
