"""Answers of the API server, in its own words where the operator reads them."""

from dataclasses import dataclass, field
from typing import Any

REASONS = {
    400: "BadRequest",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass(frozen=True)
class Answer:
    """A status code, a JSON body, and headers."""

    code: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A request that is answered with a Status instead of an object."""

    def __init__(self, code: int, message: str, reason: str = "", retry_after: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or REASONS[code]
        self.retry_after = retry_after

    @classmethod
    def conflict(cls, message: str) -> "Refusal":
        """409, for any cause but a name that is taken."""
        return cls(409, message)

    @property
    def answer(self) -> Answer:
        """As it goes over the wire."""
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        return Answer(self.code, self.status, headers)

    @property
    def status(self) -> dict[str, Any]:
        """The Status object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
