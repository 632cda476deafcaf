"""Signature version 4 of Amazon Web Services: headers only, over a body whose sha256 is known.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import urllib3

from triton_operator.model.authorization import Headers, Refusal
from triton_operator.model.sent_address import sent_address

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

_ALGORITHM = "AWS4-HMAC-SHA256"
_NOTHING = hashlib.sha256(b"").hexdigest()
_FIRST_REGION = "us-east-1"
"""What stores without regions, and Amazon's own global address, expect."""
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_REGION_IN_BODY = re.compile(rf"<Region>({_REGION.pattern})</Region>")


@dataclass(frozen=True)
class S3Keys:
    """An access key; `token` belongs to one for a limited time."""

    key_id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class S3Authorization:
    """Signs each request with `keys`; without keys, requests stay as they are.

    A store that wants another region in the signature says which one; that is believed, as the
    region is no secret and only changes what the signature is for.
    """

    wanted = f"`{KEYS[0]}` and `{KEYS[1]}`"

    def __init__(
        self,
        keys: S3Keys | None,
        region: str | None,
        now: Callable[[], datetime],
        *,
        method: str = "GET",
        body_sha256: str = _NOTHING,
    ) -> None:
        self._keys = keys
        self._region = region or _FIRST_REGION
        self._now = now
        self._method = method
        self._body_sha256 = body_sha256

    @property
    def present(self) -> bool:
        """Whether there are keys."""
        return self._keys is not None

    def authorized(
        self, url: str, headers: Headers, timeout: urllib3.Timeout
    ) -> tuple[str, Headers]:
        """`headers` with date, signature and the token, if there is one."""
        if self._keys is None:
            return url, headers
        signed = signed_headers(
            url,
            self._keys,
            self._region,
            self._now(),
            method=self._method,
            body_sha256=self._body_sha256,
        )
        return url, {**headers, **signed}

    def putting(self, body_sha256: str) -> "S3Authorization":
        """The same keys, and the region known by now, for the PUT of a body with that sha256."""
        return S3Authorization(
            self._keys, self._region, self._now, method="PUT", body_sha256=body_sha256
        )

    def learns(self, refusal: Refusal, timeout: urllib3.Timeout) -> bool:
        """Whether the answer names another region."""
        named = refusal.headers.get("x-amz-bucket-region", "")
        if not named and (found := _REGION_IN_BODY.search(refusal.body.decode("utf-8", "replace"))):
            named = found[1]
        if self._keys is None or not _REGION.fullmatch(named) or named == self._region:
            return False
        self._region = named
        return True


def signed_headers(
    url: str,
    keys: S3Keys,
    region: str,
    at: datetime,
    *,
    method: str = "GET",
    body_sha256: str = _NOTHING,
) -> dict[str, str]:
    """The headers that make `method url` a signed request; path and query of `url` are quoted
    already. `body_sha256` is in hexadecimal: a store takes no other body with that signature.

    Host is among them, so that what is signed is what is sent.
    """
    sent = sent_address(url)
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    named = {"host": sent.host, "x-amz-content-sha256": body_sha256, "x-amz-date": stamp}
    if keys.token is not None:
        named["x-amz-security-token"] = keys.token
    names = ";".join(sorted(named))
    lines = "".join(f"{name}:{named[name]}\n" for name in sorted(named))
    request = f"{method}\n{sent.path}\n{_canonical(sent.query)}\n{lines}\n{names}\n{body_sha256}"
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{keys.secret}".encode()
    for word in scope.split("/"):
        key = _hmac(key, word)
    signature = _hmac(key, text).hex()
    return {
        "Host": named.pop("host"),
        **named,
        "Authorization": f"{_ALGORITHM} Credential={keys.key_id}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}",
    }


def _canonical(query: str) -> str:
    """Sorted by name, each with a `=`."""
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
