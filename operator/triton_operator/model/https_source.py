"""`https://`: a download that is bounded, continues after a broken connection, and is never mixed.

Continuing uses Range with If-Range, so that a file that changed meanwhile starts anew. A store that
gives its files neither an ETag nor a date is read from the start again.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urljoin

import urllib3

from triton_operator.model import reasons
from triton_operator.model.credentials import Credentials
from triton_operator.model.digest import CHUNK_BYTES
from triton_operator.model.errors import SourceRefused, SourceUnavailable
from triton_operator.model.http_answers import (
    Broken,
    body_length,
    content_range,
    refuse_status,
    validator,
)
from triton_operator.model.https_connection import (
    HttpsConnection,
    caught,
    checked_address,
    without_query,
)
from triton_operator.model.progress import Say, megabytes
from triton_operator.model.receiving import Receiver, Sleep

_WORTH_GOING_ON_BYTES = 1 << 20
"""An attempt that brought this much was no failure: only the total time bounds such a download."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for a store, and how often to return. The receiver has the total time."""

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    """Between two pieces of the answer."""
    attempts: int = 6
    """In a row without progress."""
    first_pause_seconds: float = 0.5
    """Doubled for each attempt."""
    longest_pause_seconds: float = 15.0


@dataclass
class _Version:
    """Which bytes the first answer began to send."""

    validator: str | None = None
    total: int | None = None


class HttpsSource:
    """The model at `uri`; external data is at addresses relative to it.

    Raises:
        SourceRefused: `UnsupportedSource` for a malformed address, `CredentialsInvalid`.
    """

    def __init__(
        self,
        uri: str,
        credentials: Credentials,
        *,
        patience: Patience,
        sleep: Sleep,
        say: Say,
        ca_file: Path | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._url = checked_address(uri)
        self._with_credentials = credentials.authorization is not None
        self._patience = patience
        self._sleep = sleep
        self._say = say
        self._connection = HttpsConnection(
            self._url, credentials, ca_file=ca_file, environment=environment
        )

    def read(self, path: str | None, into: Receiver) -> None:
        """Download one file; see `Source.read`."""
        url = self._url if path is None else urljoin(self._url, quote(path))
        version = _Version()
        failures = 0
        while True:
            into.deadline.check(without_query(url))
            before = into.received
            try:
                self._attempt(url, version, into)
                return
            except Broken as error:
                progressed = into.received - before >= _WORTH_GOING_ON_BYTES
                failures = 1 if progressed else failures + 1
                self._pause(error, failures, without_query(url), into)

    def _pause(self, error: Broken, failures: int, name: str, into: Receiver) -> None:
        patience = self._patience
        pause = min(
            patience.longest_pause_seconds,
            error.retry_after or patience.first_pause_seconds * 2 ** (failures - 1),
        )
        at = f"{name}: {error}, after {megabytes(into.received)}"
        if failures >= patience.attempts or pause >= into.deadline.left():
            raise SourceUnavailable(
                reasons.SOURCE_TIMEOUT if error.timeout else reasons.SOURCE_UNAVAILABLE,
                f"{at}; gave up after {failures} attempts without progress",
            ) from error
        self._say(f"{at}; going on in {pause:g} s ({failures} of {patience.attempts})")
        self._sleep(pause)

    def _attempt(self, url: str, version: _Version, into: Receiver) -> None:
        """Read from where `into` is to the end of the file.

        Raises:
            Broken: the rest may come with another attempt.
        """
        name = without_query(url)
        if into.received and version.validator is None:
            into.restart()
        headers = {}
        if into.received:
            headers["Range"] = f"bytes={into.received}-"
            headers["If-Range"] = str(version.validator)
        response = self._connection.get(url, headers, self._timeout(into))
        try:
            self._begin(response, name, version, into)
            while True:
                # read1 comes back with what there is, so that the deadline holds for a store that
                # sends a byte now and then.
                chunk = caught(lambda: response.read1(CHUNK_BYTES))
                if not chunk:
                    break
                into.write(chunk)
        finally:
            response.close()
        if version.total is not None and into.received != version.total:
            raise Broken(f"it ended early, of {megabytes(version.total)}")

    def _begin(
        self,
        response: urllib3.BaseHTTPResponse,
        name: str,
        version: _Version,
        into: Receiver,
    ) -> None:
        """Check that the answer continues what `into` has, or start anew."""
        if response.status == 416 and into.received:
            into.restart()
            raise Broken("the file became shorter")
        refuse_status(
            response.status,
            response.headers,
            name,
            with_credentials=self._with_credentials,
        )
        length = body_length(response.headers, name)
        if response.status == 206:
            part = content_range(response.headers)
            if not into.received or part is None or part[0] != into.received:
                raise SourceRefused(
                    reasons.SOURCE_MISBEHAVES, f"{name} answers with another part than asked for"
                )
            # A store may ignore If-Range; then the answer itself still shows another version.
            other_size = part[1] != version.total and None not in (part[1], version.total)
            if other_size or validator(response.headers) not in (None, version.validator):
                into.restart()
                raise Broken("the file changed during the download")
            version.total = version.total or part[1]
            return
        if into.received:
            self._say(f"{name}: changed, or cannot be continued; reading it from the start")
            into.restart()
        version.validator, version.total = validator(response.headers), length
        if length is not None:
            into.expect(length)

    def _timeout(self, into: Receiver) -> urllib3.Timeout:
        left = max(into.deadline.left(), 0.001)
        return urllib3.Timeout(
            connect=min(self._patience.connect_seconds, left),
            read=min(self._patience.read_seconds, left),
        )
