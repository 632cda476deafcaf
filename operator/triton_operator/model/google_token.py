"""Access tokens for a service account: a signed claim is exchanged for one (RFC 7523).

https://developers.google.com/identity/protocols/oauth2/service-account
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import urllib3
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from triton_operator.model import reasons
from triton_operator.model.authorization import Headers, Refusal
from triton_operator.model.connection import Requests, without_query
from triton_operator.model.download import Conditions
from triton_operator.model.errors import SourceRefused
from triton_operator.model.http_answers import store_word
from triton_operator.model.secret_files import invalid
from triton_operator.model.tokens import Token, asked_token

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY = "service-account.json"

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CLAIM = timedelta(minutes=10)


class _KeyFile(BaseModel):
    """What is used of the file that Google Cloud writes for a key."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    type: str
    client_email: str
    private_key: SecretStr
    private_key_id: str = ""
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address


class ServiceAccount:
    """Sends a token of the service account whose key file is `text`, renewed before it runs out.

    Raises:
        SourceRefused: `CredentialsInvalid`.
    """

    wanted = ""
    present = True

    def __init__(self, text: str, around: Conditions) -> None:
        try:
            self._file = _KeyFile.model_validate_json(text)
        except ValidationError as error:
            at = ".".join(str(step) for step in error.errors()[0]["loc"]) or "the text"
            raise invalid(KEY, f"is no key file of a service account: {at} is wrong") from error
        if self._file.type != "service_account":
            raise invalid(KEY, "is no key of a service account: its type is another one")
        if not around.network.encrypted(self._file.token_uri):
            raise invalid(KEY, "has a token_uri that is not https")
        self._key = _private_key(self._file)
        self._requests = Requests(around.network)
        self._now = around.now
        self._token: Token | None = None

    def authorized(
        self, url: str, headers: Headers, timeout: urllib3.Timeout
    ) -> tuple[str, Headers]:
        """`headers` with the token."""
        now = self._now()
        if self._token is None or not self._token.lasts(now):
            self._token = asked_token(
                lambda: self._requests.send(
                    "POST",
                    self._file.token_uri,
                    {"Accept": "application/json"},
                    timeout,
                    form={"grant_type": _GRANT, "assertion": self._assertion(now)},
                ),
                now,
                self._refused,
            )
        return url, {**headers, "Authorization": f"Bearer {self._token.value}"}

    def learns(self, refusal: Refusal, timeout: urllib3.Timeout) -> bool:
        """Never: the token is new enough, so another one would fare no better."""
        return False

    def _assertion(self, now: datetime) -> str:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        issued = int(now.timestamp())
        claims = {
            "iss": self._file.client_email,
            "scope": _SCOPE,
            "aud": self._file.token_uri,
            "iat": issued,
            "exp": issued + int(_CLAIM.total_seconds()),
        }
        header = {"alg": "RS256", "typ": "JWT", "kid": self._file.private_key_id}
        text = f"{_part(header)}.{_part(claims)}"
        return f"{text}.{_base64(self._key.sign(text.encode(), PKCS1v15(), SHA256()))}"

    def _refused(self, refusal: Refusal) -> SourceRefused:
        word = store_word(refusal)
        return SourceRefused(
            reasons.SOURCE_FORBIDDEN,
            f"{without_query(self._file.token_uri)} gives no token for {self._file.client_email}: "
            f"it answers {refusal.status}"
            + (f" ({word})" if word else "")
            + "; was the key deleted, or does the clock of the node differ?",
        )


def _private_key(file: _KeyFile) -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(file.private_key.get_secret_value().encode(), password=None)
    except (ValueError, TypeError) as error:
        raise invalid(KEY, "has a private_key that is no PEM key") from error
    if not isinstance(key, RSAPrivateKey):
        raise invalid(KEY, "has a private_key that is no RSA key")
    return key


def _part(value: Mapping[str, object]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
