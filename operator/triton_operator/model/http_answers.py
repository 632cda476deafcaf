"""What an HTTP answer means for a download: go on, try again, or give up with a reason."""

import re
from collections.abc import Mapping

from triton_operator.model import reasons
from triton_operator.model.errors import SourceRefused

REDIRECTS = frozenset({301, 302, 303, 307, 308})
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that say "not now"; other 5xx count as well."""

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Broken(Exception):
    """This attempt failed, the next may not. Never leaves the download."""

    def __init__(self, what: str, *, timeout: bool = False, retry_after: float | None = None):
        super().__init__(what)
        self.timeout = timeout
        self.retry_after = retry_after


def refuse_status(
    status: int, headers: Mapping[str, str], name: str, *, with_credentials: bool
) -> None:
    """Return for 200 and 206; otherwise say what the answer means.

    Raises:
        Broken: it may work later.
        SourceRefused: it will not.
    """
    if status in (200, 206):
        return
    if status in TRY_AGAIN or 500 <= status < 600:
        after = headers.get("Retry-After", "")
        raise Broken(
            f"it answers {status}",
            timeout=status in (408, 504),
            retry_after=float(after) if after.isascii() and after.isdigit() else None,
        )
    if status in (401, 403, 407):
        advice = (
            "the credentials in the Secret of spec.model.secretName are not accepted for it"
            if with_credentials
            else "it wants credentials: name a Secret with `token`, or `username` and `password`, "
            "in spec.model.secretName"
        )
        raise SourceRefused(reasons.SOURCE_FORBIDDEN, f"{name} answers {status}; {advice}")
    if status in (404, 410):
        raise SourceRefused(
            reasons.SOURCE_NOT_FOUND, f"{name} answers {status}: there is no such file"
        )
    raise SourceRefused(
        reasons.SOURCE_MISBEHAVES, f"{name} answers {status}, which is no answer to a download"
    )


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
