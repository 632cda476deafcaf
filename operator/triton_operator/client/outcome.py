"""What became of asking one endpoint, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Tensors = Mapping[str, npt.NDArray[Any]]


class Outcome(StrEnum):
    """Of one attempt."""

    SERVED = "Served"
    REFUSED = "Refused"
    """The request itself is wrong: it would be anywhere."""
    OVERLOADED = "Overloaded"
    """It answers, and has no room: Triton's queue is full, or what waited in it was too late."""
    NOT_THERE = "NotThere"
    """It answers, and does not have the model."""
    FAILED = "Failed"
    """It answers, and something in it broke."""
    UNREACHABLE = "Unreachable"
    """No connection, or one that broke."""
    TIMED_OUT = "TimedOut"
    """No answer within the attempt's time."""
    MISBEHAVED = "Misbehaved"
    """An answer that is none: not of the protocol, or one that points elsewhere."""

    @property
    def is_silence(self) -> bool:
        """Whether it is evidence that the endpoint does not answer.

        A refusal of what is too much is an answer, and quick. If it were not, an edge that rejects
        a part of its load would lose all of it.
        """
        return self in (Outcome.UNREACHABLE, Outcome.TIMED_OUT, Outcome.MISBEHAVED)


@dataclass(frozen=True)
class Reply:
    """What came back. `status` in the protocol's own words; `outputs` only of what was served."""

    outcome: Outcome
    status: str = ""
    message: str = ""
    outputs: Tensors = field(default_factory=dict[str, npt.NDArray[np.generic]])


@dataclass(frozen=True)
class Attempt:
    """One endpoint that was asked: how long it was given, and took."""

    cluster: str
    url: str
    outcome: Outcome
    budget_seconds: float
    took_seconds: float
    message: str = ""

    def __str__(self) -> str:
        said = f" ({self.message})" if self.message else ""
        return (
            f"{self.cluster} {self.url}: {self.outcome}{said} after {self.took_seconds:.3f} s of "
            f"{self.budget_seconds:.3f} s"
        )


def http_outcome(status: int) -> Outcome:
    """Of an answer with this status code. Redirects are not followed: they could lead out."""
    if status == 200:
        return Outcome.SERVED
    if status in (408, 429, 503):
        return Outcome.OVERLOADED
    if status == 404:
        return Outcome.NOT_THERE
    if status in (502, 504):  # a gateway's words for a server that it does not reach
        return Outcome.UNREACHABLE
    if status >= 500 and status != 501:
        return Outcome.FAILED
    return Outcome.REFUSED if status >= 400 else Outcome.MISBEHAVED


_GRPC = {
    "DEADLINE_EXCEEDED": Outcome.TIMED_OUT,
    "RESOURCE_EXHAUSTED": Outcome.OVERLOADED,
    "NOT_FOUND": Outcome.NOT_THERE,
    "INTERNAL": Outcome.FAILED,
    "UNKNOWN": Outcome.FAILED,
    "ABORTED": Outcome.FAILED,
    "CANCELLED": Outcome.FAILED,
    "DATA_LOSS": Outcome.FAILED,
}


_BROKEN_CONNECTION = (
    "failed to connect",
    "DNS resolution failed",
    "connections to all backends failing",
    "Stream removed",
    "Socket closed",
    "Connection reset",
    "Connection refused",
    "recvmsg:",
    "sendmsg:",
    "GOAWAY",
)
"""How gRPC's own texts begin."""


def grpc_outcome(code: str, message: str) -> Outcome:
    """Of a call that ended with this code, such as UNAVAILABLE.

    gRPC says that both of a server that cannot be reached and of one that has no room, and nothing
    but its words tells them apart. Words that are not known are taken for the server's: to ask it
    again costs little, as it was quick.
    """
    if code == "UNAVAILABLE":
        broken = message.startswith(_BROKEN_CONNECTION)
        return Outcome.UNREACHABLE if broken else Outcome.OVERLOADED
    return _GRPC.get(code, Outcome.REFUSED)
