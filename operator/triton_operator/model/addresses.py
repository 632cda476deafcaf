"""The parts of a model's address, and the web address that they become at a store."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from triton_operator.api.credentials import CREDENTIALS
from triton_operator.model import reasons
from triton_operator.model.connection import checked_address
from triton_operator.model.digest import MODEL_FILE_NAME
from triton_operator.model.errors import SourceRefused
from triton_operator.model.network import Network

UNRESERVED = "-._~"
"""With letters and digits: what every signature scheme leaves as it is (RFC 3986)."""

_CREDENTIALS = re.compile(CREDENTIALS, re.IGNORECASE)


@dataclass(frozen=True)
class StoredObject:
    """`SCHEME://PLACE/KEY`: a file in a bucket or container, or what is below a key."""

    place: str
    key: str
    folder: bool = False
    """Whether `key`, which has no slash at its end, is that of a folder."""

    def key_of(self, path: str | None) -> str:
        """The key of the model (None), or of the file at `path` beside it.

        In a folder, the model is its `model.onnx`.
        """
        if self.folder:
            return f"{self.key}/{path or MODEL_FILE_NAME}"
        return self.key if path is None else str(PurePosixPath(self.key).parent / path)


def stored_object(uri: str, form: str, *, folder: bool = False) -> StoredObject:
    """`uri` in its parts; it is a folder's if it ends with a slash, or if `folder` says so.

    Raises:
        SourceRefused: `UnsupportedSource`, naming `form`: a part is missing, or one that no store
            would get as it is written (a query, `.`, `..`, nothing between two slashes).
    """
    place, _, named = uri.partition("://")[2].partition("/")
    key = named.removesuffix("/")
    steps = key.split("/")
    if not place or not all(steps) or {".", ".."} & set(steps) or {"?", "#"} & set(uri):
        raise malformed(uri, form)
    if not uri.isprintable():
        raise malformed(uri, form)
    return StoredObject(place, key, folder or key != named)


def refuse_credentials(uri: str) -> None:
    """Nothing, for an address in which no user, token or password stands.

    Raises:
        SourceRefused: `UnsupportedSource`, without a word of the address but its scheme: messages
            end up where everybody reads them.
    """
    if _CREDENTIALS.match(uri):
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE,
            f"the {uri.partition('://')[0]}:// address has credentials in it; put them into a "
            "Secret and name it in spec.model.secretName",
        )


def malformed(uri: str, form: str) -> SourceRefused:
    """The failure for an address that is not like `form`."""
    return SourceRefused(
        reasons.UNSUPPORTED_SOURCE, f"'{uri.partition('?')[0]}' is no usable address: {form}"
    )


def endpoint_url(endpoint: str | None, default: str, network: Network) -> str:
    """Where the store answers, without a slash at the end.

    Raises:
        SourceRefused: `UnsupportedSource` for an endpoint that is not https, or has a query.
    """
    if endpoint is None:
        return default
    if {"?", "#"} & set(endpoint):
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE, "spec.model.endpoint has a query, which is refused"
        )
    return checked_address(endpoint, network).rstrip("/")


def quoted(key: str) -> str:
    """`key` as a path in a web address."""
    return quote(key, safe=f"/{UNRESERVED}")
