"""A web address as it goes over the wire: signatures are about this, and not about its spelling.

`https://MinIO:443/a` is sent to the host `minio`: names have no case, and the port that a scheme
has anyway is left out. A store computes signatures from what it gets.
"""

from dataclasses import dataclass

from urllib3.util import parse_url

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class SentAddress:
    """`host` is the Host header; `path` and `query` are quoted, as in a request's first line."""

    host: str
    path: str
    query: str


def sent_address(url: str) -> SentAddress:
    """What is sent for `url`.

    Raises:
        ValueError: `url` is no web address.
    """
    # By the library that sends it, which also takes dots out of paths and encodes names of hosts.
    parts = parse_url(url)
    host = (parts.host or "").rstrip(".")
    named = parts.port is not None and parts.port != _PORTS.get(parts.scheme or "")
    return SentAddress(
        host=f"{host}:{parts.port}" if named else host,
        path=parts.path or "/",
        query=parts.query or "",
    )
