"""Tokens that run out, as servers hand them out over HTTP (RFC 6749)."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import urllib3

from triton_operator.model import reasons
from triton_operator.model.authorization import Refusal
from triton_operator.model.connection import caught, refusal_of
from triton_operator.model.errors import SourceRefused
from triton_operator.model.http_answers import TRY_AGAIN, Broken, store_word

_MOST_BYTES = 1 << 16
_EARLIER = timedelta(seconds=30)
"""Renewed this long before it runs out: a request takes a while to arrive."""


@dataclass
class Token:
    """A bearer token, and when it was asked for."""

    value: str = field(repr=False)
    until: datetime

    def lasts(self, now: datetime) -> bool:
        """Whether it can be sent at `now`."""
        return now < self.until - _EARLIER


def asked_token(
    ask: Callable[[], urllib3.BaseHTTPResponse],
    now: datetime,
    refused: Callable[[Refusal], SourceRefused],
    *,
    lasts_seconds: float = 60.0,
) -> Token:
    """The token in the answer to `ask`; it lasts `lasts_seconds` unless the answer says otherwise.

    Raises:
        Broken: no answer now.
        SourceRefused: what `refused` makes of another answer than a token.
    """
    response = ask()
    if response.status != 200:
        refusal = refusal_of(response)
        if refusal.status in TRY_AGAIN or refusal.status >= 500:
            word = store_word(refusal)
            raise Broken(
                f"its token server answers {refusal.status}" + (f" ({word})" if word else "")
            )
        raise refused(refusal)
    try:
        body = _body(response)
    finally:
        response.close()
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        answer = json.loads(body)
        value = answer.get("token") or answer.get("access_token")
        seconds = float(answer.get("expires_in") or lasts_seconds)
        if isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value:
            return Token(value, now + timedelta(seconds=min(max(seconds, 0), 86_400)))
    raise SourceRefused(
        reasons.SOURCE_MISBEHAVES, "the store's token server answers with something else"
    )


def _body(response: urllib3.BaseHTTPResponse) -> bytes:
    body = b""
    while len(body) <= _MOST_BYTES:
        chunk = caught(lambda: response.read1(_MOST_BYTES))
        if not chunk:
            return body
        body += chunk
    return b""
