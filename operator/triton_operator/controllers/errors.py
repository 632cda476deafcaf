"""What can go wrong between the operator and the API server.

ApiError
├── ApiUnavailable   no answer, 429, 5xx: the same request may go through later
│   └── ApiTooMuch   an answer that is longer than this process takes
├── ApiConflict      409: somebody else wrote meanwhile, or owns the field
├── ApiNotFound      404: the object or its namespace is gone
└── ApiRefused       other 4xx: validation, quota, policy, missing rights
"""


class ApiError(Exception):
    """A request that the API server did not carry out; `status` is 0 where there was no answer.

    `is_told`: the answer was an object of kind Status, as API servers give it, and not a page of
    something else on the way.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        retry_after: float | None = None,
        *,
        is_told: bool = False,
    ):
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.is_told = is_told


class ApiUnavailable(ApiError):
    """No answer, too many requests, or an error of the server's own."""


class ApiTooMuch(ApiUnavailable):
    """More than is taken from this API server; the message has the bound, and no other number."""


class ApiConflict(ApiError):
    """The object changed meanwhile, or another manager owns a field."""


class ApiNotFound(ApiError):
    """The object, or the namespace or kind that it needs, does not exist."""


class ApiRefused(ApiError):
    """The request can never succeed as it is."""


def api_error(
    status: int,
    reason: str,
    message: str,
    retry_after: float | None = None,
    *,
    is_told: bool = False,
) -> ApiError:
    """The error that an answer means; `is_told`: by a Status."""
    if status == 409:
        return ApiConflict(status, reason, message, is_told=is_told)
    if status == 404:
        return ApiNotFound(status, reason, message, is_told=is_told)
    if status == 429 or status >= 500 or status == 0:
        return ApiUnavailable(status, reason, message, retry_after, is_told=is_told)
    return ApiRefused(status, reason, message, is_told=is_told)
