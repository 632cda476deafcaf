"""The kubeconfig by which a hub reaches a cluster: only what is inside of it counts. Pure.

Whoever may write the Secret must not run commands in the hub, read its files, or send its tokens
somewhere: a kubeconfig can ask for all of these.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

MOST_BYTES = 64 * 1024
_SERVER = re.compile(r"https://[^/?#@\s]+(/[^?#@\s]*)?")
_CLUSTER = ("server", "certificate-authority-data", "insecure-skip-tls-verify", "extensions")
_USER = ("token", "client-certificate-data", "client-key-data", "extensions")
_WHY = {
    "exec": "a command would run in the hub; give a token or a client certificate",
    "auth-provider": "it would run in the hub; give a token or a client certificate",
    "tokenFile": "it would be a file of the hub; put the token itself there, as token",
    "client-certificate": "it would be a file of the hub; give client-certificate-data",
    "client-key": "it would be a file of the hub; give client-key-data",
    "certificate-authority": "it would be a file of the hub; give certificate-authority-data",
}
_OTHERWISE = "this hub does not know it, and would not do what it asks for; remove it"


class RefusedKubeconfig(Exception):
    """It is none, or asks for something that it may not; the text names the field."""


@dataclass(frozen=True)
class MemberKubeconfig:
    """Where a cluster's API server is, who vouches for it, and as whom the hub speaks.

    `authority`, `certificate` and `key` are PEM; `authority` empty: those that the hub trusts
    anyway. Either there is a `token`, or a certificate with its key.
    """

    server: str
    authority: str = ""
    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)

    @property
    def mark(self) -> str:
        """Another one for another content."""
        parts = (self.server, self.authority, self.token, self.certificate, self.key)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def member_kubeconfig(text: str) -> MemberKubeconfig:
    """Reads the current context.

    Raises:
        RefusedKubeconfig: nothing is to be done with it.
    """
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise RefusedKubeconfig(f"it is longer than {MOST_BYTES // 1024} KiB")
    try:
        return _read(text)
    except RefusedKubeconfig:
        raise
    except Exception as error:
        # Names that no text can be made of, and what nobody has thought of.
        raise RefusedKubeconfig(
            f"it cannot be read as a kubeconfig ({type(error).__name__})"
        ) from None


def _read(text: str) -> MemberKubeconfig:
    try:
        document = yaml.safe_load(text)
    except Exception:
        # A tag such as !!bool on what is none ends in any error. Without the parser's words, and
        # without its error as a cause: they quote what may be a secret.
        raise RefusedKubeconfig("it is no YAML, or has a value that its tag does not fit") from None
    if not isinstance(document, Mapping):
        raise RefusedKubeconfig("it is no kubeconfig: clusters, users and contexts are wanted")
    context = _named(document, "contexts", "context", document.get("current-context"))
    if "user" not in context or "cluster" not in context:
        raise RefusedKubeconfig("the current context names no cluster, or no user")
    cluster = _named(document, "clusters", "cluster", context["cluster"])
    user = _named(document, "users", "user", context["user"])
    _only("cluster", cluster, _CLUSTER)
    _only("user", user, _USER)
    return _checked(cluster, user)


def _checked(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> MemberKubeconfig:
    if cluster.get("insecure-skip-tls-verify"):
        raise RefusedKubeconfig(
            "cluster.insecure-skip-tls-verify: anybody on the way could take the credentials; "
            "remove it, and give certificate-authority-data"
        )
    server = _text("cluster", cluster, "server")
    if not _SERVER.fullmatch(server):
        raise RefusedKubeconfig(
            "cluster.server: https://HOST is wanted, with a port and a path if need be, and "
            "without credentials"
        )
    token = _text("user", user, "token").strip()
    certificate = _pem("user", user, "client-certificate-data")
    key = _pem("user", user, "client-key-data")
    if bool(certificate) != bool(key):
        raise RefusedKubeconfig("user: client-certificate-data and client-key-data go together")
    if not token and not certificate:
        raise RefusedKubeconfig("user: it has no token, and no client-certificate-data")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise RefusedKubeconfig("user.token: it has characters that no token has")
    return MemberKubeconfig(
        server=server.rstrip("/"),
        authority=_pem("cluster", cluster, "certificate-authority-data"),
        token=token,
        certificate=certificate,
        key=key,
    )


def _named(document: Mapping[str, Any], rows: str, part: str, name: Any) -> Mapping[str, Any]:
    if not isinstance(name, str) or not name:
        raise RefusedKubeconfig(f"nothing says which of the {rows} counts: set current-context")
    listed = document.get(rows)
    for row in listed if isinstance(listed, list) else ():
        if isinstance(row, Mapping) and row.get("name") == name:
            found = row.get(part)
            if isinstance(found, Mapping):
                return found
    raise RefusedKubeconfig(f"{rows}: none has the name that is asked for")


def _only(part: str, found: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in found:
        if name not in known:
            shown = str(name)[:64]
            raise RefusedKubeconfig(f"{part}.{shown}: {_WHY.get(shown, _OTHERWISE)}")


def _text(part: str, found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RefusedKubeconfig(f"{part}.{name}: a text is wanted")
    return value


def _pem(part: str, found: Mapping[str, Any], name: str) -> str:
    try:
        text = base64.b64decode(_text(part, found, name), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise RefusedKubeconfig(f"{part}.{name}: it is not in base64") from None
    if text and "-----BEGIN " not in text:
        raise RefusedKubeconfig(f"{part}.{name}: PEM in base64 is wanted")
    return text
