"""What an answer's status means."""

import pytest

from triton_operator.client.outcome import Outcome, grpc_outcome, http_outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.SERVED),
        (204, Outcome.MISBEHAVED),
        (302, Outcome.MISBEHAVED),
        (307, Outcome.MISBEHAVED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (413, Outcome.REFUSED),
        (501, Outcome.REFUSED),
        (404, Outcome.NOT_THERE),
        (408, Outcome.OVERLOADED),
        (429, Outcome.OVERLOADED),
        (503, Outcome.OVERLOADED),
        (500, Outcome.FAILED),
        (502, Outcome.UNREACHABLE),
        (504, Outcome.UNREACHABLE),
    ],
)
def test_of_http(status: int, outcome: Outcome) -> None:
    assert http_outcome(status) is outcome


@pytest.mark.parametrize(
    ("code", "message", "outcome"),
    [
        ("UNAVAILABLE", "failed to connect to all addresses; last error: ...", "Unreachable"),
        ("UNAVAILABLE", "Stream removed (Socket closed)", "Unreachable"),
        ("UNAVAILABLE", "Exceeds maximum queue size", "Overloaded"),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", "TimedOut"),
        ("NOT_FOUND", "unknown model", "NotThere"),
        ("INTERNAL", "CUDA error", "Failed"),
        ("INVALID_ARGUMENT", "unexpected shape", "Refused"),
        ("UNIMPLEMENTED", "decoupled", "Refused"),
        ("UNAUTHENTICATED", "who are you", "Refused"),
    ],
)
def test_of_grpc(code: str, message: str, outcome: str) -> None:
    assert grpc_outcome(code, message) == outcome
