"""What a mounted Secret says about a store: `ca.crt`, and `token` or `username` with `password`.

Values never appear in a message, and `repr` hides them.
"""

import base64
from dataclasses import dataclass, field
from pathlib import Path

from triton_operator.model import reasons
from triton_operator.model.errors import SourceRefused


@dataclass(frozen=True)
class Credentials:
    """How to be let in, and whom else to trust."""

    authorization: str | None = field(default=None, repr=False)
    """Value of the Authorization header."""
    ca_file: Path | None = None
    """More certificate authorities, in PEM, beside the system's."""


def read_credentials(folder: Path | None) -> Credentials:
    """Credentials from the files in `folder`; a bearer token goes before a user's password.

    No folder, or one without these files, is nobody: a public store needs no credentials.

    Raises:
        SourceRefused: `CredentialsInvalid`.
    """
    if folder is None:
        return Credentials()
    ca_file = folder / "ca.crt"
    token = _value(folder / "token")
    username, password = _value(folder / "username"), _value(folder / "password")
    authorization = None
    if token is not None:
        if not token.isascii() or " " in token:
            raise _invalid("token", "is no bearer token: one word of ASCII characters")
        authorization = f"Bearer {token}"
    elif username is not None or password is not None:
        if username is None or password is None:
            missing = "username" if username is None else "password"
            raise _invalid(missing, "is missing: basic authentication needs both")
        if ":" in username:
            raise _invalid("username", "has a ':' in it, which basic authentication cannot carry")
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        authorization = f"Basic {pair}"
    return Credentials(authorization, ca_file if ca_file.is_file() else None)


def _value(file: Path) -> str | None:
    """The file's text without the line end that editors and `echo` leave; None if there is none."""
    try:
        value = file.read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(file.name, "cannot be read as UTF-8 text") from error
    if not value or not value.isprintable():
        raise _invalid(file.name, "is empty or has a control character, such as a line end, in it")
    return value


def _invalid(key: str, what: str) -> SourceRefused:
    return SourceRefused(
        reasons.CREDENTIALS_INVALID, f"the key '{key}' of the Secret with credentials {what}"
    )
