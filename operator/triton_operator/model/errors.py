"""What can go wrong with a model, as exceptions that carry the failure to report.

ModelFailure
├── ModelRefused        the bytes: other bytes are needed
├── SourceRefused       the address, the credentials, or the store's answer: something must change
├── SourceUnavailable   the store or the network: the same call may go through later
└── WorkFailed          this process: its arguments, its folder, its time; says whether to retry
"""

from triton_operator.api.conditions import MESSAGE_LIMIT, shortened
from triton_operator.api.inspection import Failure


class ModelFailure(Exception):
    """Base of all: `failure` has the reason, the message and whether a retry makes sense."""

    def __init__(self, reason: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(f"{reason}: {message}")
        self.failure = Failure(reason=reason, message=printable(message), retryable=retryable)


class ModelRefused(ModelFailure):
    """The model itself cannot be served.

    Example: `ModelRefused(reasons.NO_INPUTS, "the graph has no input")`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)


class SourceRefused(ModelFailure):
    """The source is wrong, or says no; somebody has to change something.

    Example: `SourceRefused(reasons.SOURCE_NOT_FOUND, "https://host/m.onnx answers 404")`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)


class SourceUnavailable(ModelFailure):
    """The source could not be read this time.

    Example: `SourceUnavailable(reasons.SOURCE_TIMEOUT, "no byte for 30 s")`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message, retryable=True)


class WorkFailed(ModelFailure):
    """The process around the model failed: a full disk, a wrong call, a signal."""


def printable(message: str) -> str:
    """`message` on one line, without control characters, at most 1,024 characters long.

    Parts of it come from untrusted files and servers, and end in a terminal.
    """
    clean = "".join(c if c.isprintable() else " " for c in message)
    return shortened(" ".join(clean.split()), MESSAGE_LIMIT)
