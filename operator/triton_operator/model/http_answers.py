"""What an HTTP answer means for a download: go on, try again, or give up with a reason."""

import re
from collections.abc import Mapping, Sequence

from triton_operator.model import reasons
from triton_operator.model.authorization import Authorization, Refusal
from triton_operator.model.errors import SourceRefused

GOOD = frozenset({200, 206})
TAKEN = frozenset({200, 201, 202, 204, 206})
"""What a store answers to what it takes, and to a question whether something is there."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that say "not now"; other 5xx count as well."""

_WORD = re.compile(r"[A-Za-z_]{3,48}")
_XML_CODE = re.compile(r"<Code>([A-Za-z_]{3,48})</Code>")
_JSON_CODE = re.compile(r'"(?:code|reason|error)"\s*:\s*"([A-Za-z_]{3,48})"')
_MEANS_FORBIDDEN = frozenset({"InvalidAccessKeyId", "ExpiredToken", "InvalidToken"})
"""What S3 answers with 400 to credentials that it does not take."""

_MOST_KEYS = 8

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Broken(Exception):
    """This attempt failed, the next may not. Never leaves the download."""

    def __init__(self, what: str, *, timeout: bool = False, retry_after: float | None = None):
        super().__init__(what)
        self.timeout = timeout
        self.retry_after = retry_after


def refused(
    refusal: Refusal,
    name: str,
    authorization: Authorization,
    secret_keys: Sequence[str] | None = None,
    *,
    secret_field: str,
    upload: bool = False,
) -> Broken | SourceRefused:
    """What an answer that is not the file means, with the store's own short word for it.

    `secret_keys`: which keys the Secret has, if there is one. `upload`: the file was to go there.
    """
    status, headers = refusal.status, refusal.headers
    word = store_word(refusal)
    answers = f"answers {status}" + (f" ({word})" if word else "")
    if status in TRY_AGAIN or 500 <= status < 600:
        after = headers.get("Retry-After", "")
        return Broken(
            f"it {answers}",
            timeout=status in (408, 504),
            retry_after=float(after) if after.isascii() and after.isdigit() else None,
        )
    if status in (404, 410):
        what = "bucket or repository" if upload else "file"
        return SourceRefused(reasons.SOURCE_NOT_FOUND, f"{name} {answers}: there is no such {what}")
    if status in (401, 403, 407) or word in _MEANS_FORBIDDEN:
        advice = _credentials_advice(authorization, secret_keys, secret_field)
        return SourceRefused(reasons.SOURCE_FORBIDDEN, f"{name} {answers}; {advice}")
    return SourceRefused(
        reasons.SOURCE_MISBEHAVES,
        f"{name} {answers}, which is no answer to {'an upload' if upload else 'a download'}",
    )


def _credentials_advice(
    authorization: Authorization, secret_keys: Sequence[str] | None, secret_field: str
) -> str:
    if authorization.present:
        return f"the credentials in the Secret of {secret_field} are not accepted for it"
    wanted = authorization.wanted
    if secret_keys is None:
        return f"it wants credentials: name a Secret with {wanted} in {secret_field}"
    more = ", …" if len(secret_keys) > _MOST_KEYS else ""
    there = ", ".join(f"`{key}`" for key in secret_keys[:_MOST_KEYS]) or "no key"
    return (
        f"it wants credentials: the Secret of {secret_field} needs {wanted}, and has {there}{more}"
    )


def store_word(refusal: Refusal) -> str | None:
    """The store's own name for a failure, such as `NoSuchKey`; letters only, never a secret."""
    for header in ("x-ms-error-code", "X-Error-Code"):
        if _WORD.fullmatch(found := refusal.headers.get(header, "")):
            return found
    body = refusal.body.decode("utf-8", "replace")
    match = _XML_CODE.search(body) or _JSON_CODE.search(body)
    return match[1] if match else None


def body_length(headers: Mapping[str, str], name: str) -> int | None:
    """Bytes of the body; None if it is chunked, which marks its own end.

    Raises:
        SourceRefused: `SourceMisbehaves`, if the body is compressed or its end could not be told
            from a broken connection.
    """
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise SourceRefused(
            reasons.SOURCE_MISBEHAVES,
            f"{name} is sent with Content-Encoding '{encoding}', though only the plain file was "
            "asked for; turn compression off for it at the store",
        )
    length = headers.get("Content-Length", "").strip()
    if length.isascii() and length.isdigit():
        return int(length)
    if headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
        return None
    raise SourceRefused(
        reasons.SOURCE_MISBEHAVES,
        f"{name} is sent without a valid Content-Length, so that a broken-off download would look "
        "complete",
    )


def content_range(headers: Mapping[str, str]) -> tuple[int, int | None] | None:
    """First byte of a partial answer and the size of the whole file, if it says so."""
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None:
        return None
    total = found[3]
    return int(found[1]), None if total == "*" else int(total)


def validator(headers: Mapping[str, str]) -> str | None:
    """What identifies these very bytes in If-Range: a strong ETag, else the date of change."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified")
