"""How a request is made one that a store lets in.

Each kind of store has its own way: a header that stays the same, a token that runs out, a signature
over each request. The download knows none of them.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import urllib3

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Refusal:
    """An answer that is not the file: what there is to learn from it."""

    status: int
    headers: Headers
    body: bytes
    """Its beginning."""


class Authorization(Protocol):
    """Lets requests into one store."""

    @property
    def present(self) -> bool:
        """Whether there are credentials at all."""

    @property
    def wanted(self) -> str:
        """Which keys of a Secret would be credentials, for a message."""

    def authorized(
        self, url: str, headers: Headers, timeout: urllib3.Timeout
    ) -> tuple[str, Headers]:
        """What to send instead of `url` and `headers`.

        Raises:
            Broken: a token could not be had now.
            SourceRefused: it cannot be had.
        """

    def learns(self, refusal: Refusal, timeout: urllib3.Timeout) -> bool:
        """Whether the answer says how to ask, so that the same request may go through now.

        Raises:
            as `authorized`.
        """


@dataclass(frozen=True)
class FixedHeader:
    """The same `Authorization` header for every request, or none."""

    value: str | None = field(default=None, repr=False)
    wanted: str = "`token`, or `username` and `password`"

    @property
    def present(self) -> bool:
        """Whether there is a header."""
        return self.value is not None

    def authorized(
        self, url: str, headers: Headers, timeout: urllib3.Timeout
    ) -> tuple[str, Headers]:
        """`headers` with the header."""
        return url, headers if self.value is None else {**headers, "Authorization": self.value}

    def learns(self, refusal: Refusal, timeout: urllib3.Timeout) -> bool:
        """Never: there is nothing else to say."""
        return False


def basic(username: str, password: str) -> str:
    """The header for a user with a password (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
