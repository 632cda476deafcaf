"""Whom a registry lets in, from a Secret of type `kubernetes.io/dockerconfigjson`.

The same Secret as for pulling images. `username` and `password` do as well, and go first.
"""

import base64
import binascii
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from triton_operator.model.credentials import user
from triton_operator.model.secret_files import SecretFiles, invalid

KEY = ".dockerconfigjson"

_ALIASES = {"index.docker.io": "docker.io", "registry-1.docker.io": "docker.io"}


@dataclass(frozen=True)
class RegistryUser:
    """A name with a password, or with an identity token that is exchanged for others."""

    name: str
    password: str = field(repr=False)
    identity_token: str | None = field(default=None, repr=False)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    auth: SecretStr | None = None
    username: str = ""
    password: SecretStr = SecretStr("")
    identitytoken: SecretStr | None = None


class _DockerConfig(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    auths: dict[str, _Entry] = Field(default_factory=dict)


def registry_user(secret: SecretFiles, host: str, repository: str) -> RegistryUser | None:
    """The user for `host/repository`: of the entry with the longest path that leads to it.

    Raises:
        SourceRefused: `CredentialsInvalid`.
    """
    if (pair := user(secret)) is not None:
        return RegistryUser(*pair)
    text = secret.text(KEY)
    if text is None:
        return None
    try:
        entries = _DockerConfig.model_validate_json(text).auths
    except ValidationError as error:
        raise invalid(KEY, "is no configuration of docker with `auths`") from error
    wanted = f"{_ALIASES.get(host, host)}/{repository}/"
    fitting = [name for name in entries if wanted.startswith(f"{_place(name)}/")]
    if not fitting:
        return None
    return _user(entries[max(fitting, key=lambda name: len(_place(name)))])


def _place(name: str) -> str:
    """`https://index.docker.io/v1/` is docker.io, `https://host/` is host."""
    host, _, path = (
        name.partition("://")[2].partition("/") if "://" in name else name.partition("/")
    )
    path = path.strip("/")
    if path in ("v1", "v2"):
        path = ""
    host = _ALIASES.get(host.lower(), host.lower())
    return f"{host}/{path}" if path else host


def _user(entry: _Entry) -> RegistryUser:
    token = entry.identitytoken.get_secret_value() if entry.identitytoken else None
    if entry.auth is None:
        return RegistryUser(entry.username, entry.password.get_secret_value(), token)
    try:
        pair = base64.b64decode(entry.auth.get_secret_value(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid(KEY, "has an `auth` that is not base64 of USER:PASSWORD") from error
    name, colon, password = pair.partition(":")
    if not colon:
        raise invalid(KEY, "has an `auth` that is not base64 of USER:PASSWORD")
    return RegistryUser(name, password, token)
