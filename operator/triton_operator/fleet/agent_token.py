"""The token by which an agent reaches its mailbox, or a hub a cluster: whose it is, how long it
holds, and when to ask for another.

Nobody checks a signature here: who reads a token here goes on to show it to whoever made it, and a
forged one harms only itself.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

RENEWED_AFTER = 2 / 3
"""Of its life: the last third is for ways that are cut for days."""
NEAR_END = 1 / 6
"""Of its life that is left: asking for another one has failed for as long."""

_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_ACCOUNT = re.compile(
    rf"system:serviceaccount:(?P<namespace>{_LABEL}):(?P<name>{_LABEL}([.]{_LABEL})*)"
)

LATEST = 253_402_300_799.0
"""The end of the year 9999, after which times have no four digits for the year."""


@dataclass(frozen=True)
class Life:
    """From when to when a token holds, in seconds since the epoch."""

    issued_at: float
    expires_at: float

    @property
    def seconds(self) -> float:
        """How long it holds, all in all."""
        return self.expires_at - self.issued_at

    @property
    def renewed_at(self) -> float:
        """When another one is asked for."""
        return self.issued_at + RENEWED_AFTER * self.seconds

    @property
    def near_end_at(self) -> float:
        """When it should have been replaced long ago."""
        return self.expires_at - NEAR_END * self.seconds


def life_of(token: str) -> Life | None:
    """From its claims `iat` and `exp` (RFC 7519); None: it does not say, or is no such token."""
    try:
        claims = _claims(token)
        issued, expires = float(claims["iat"]), float(claims["exp"])
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
        # Of a number too, that is larger than any float.
        return None
    return life_between(issued, expires)


def account_of(token: str) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount in its claim `sub`; None: it is of nobody such."""
    try:
        found = _ACCOUNT.fullmatch(_claims(token)["sub"])
    except (LookupError, TypeError, ValueError, RecursionError):
        return None
    return (found["namespace"], found["name"]) if found else None


def _claims(token: str) -> Any:
    """Raises LookupError, ValueError or RecursionError where it is no JSON Web Token."""
    _, claims, _ = token.split(".")
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))


def life_between(issued_at: float, expires_at: float) -> Life | None:
    """None: no such life can be, or no time can be written of it."""
    if 0 <= issued_at < expires_at <= LATEST:
        return Life(issued_at, expires_at)
    return None


def token_in(kubeconfig: str) -> str | None:
    """Of the current context; None: it has credentials of another kind, or cannot be read."""
    user = _user(_read(kubeconfig))
    token = None if user is None else user.get("token")
    return token if isinstance(token, str) and token else None


def with_token(kubeconfig: str, token: str) -> str:
    """The same with another token in its current context.

    Raises:
        ValueError: it has no token to replace.
    """
    document = _read(kubeconfig)
    user = _user(document)
    if user is None or not user.get("token"):
        raise ValueError("the current context of the kubeconfig has no token")
    user["token"] = token
    return yaml.safe_dump(document, sort_keys=False)


def _read(kubeconfig: str) -> Any:
    try:
        return yaml.safe_load(kubeconfig)
    except Exception:
        # Besides the parser's own, whatever a tag ends in whose value does not fit.
        return None


def _user(document: Any) -> dict[str, Any] | None:
    """The entry of the current context, to be read or changed in place."""
    try:
        contexts = {one["name"]: one["context"] for one in document["contexts"]}
        users = {one["name"]: one["user"] for one in document["users"]}
        found = users[contexts[document["current-context"]]["user"]]
    except (KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None
