"""One download: bounded, continued after a broken connection, never mixed of two versions.

Every store that is reached over HTTP is read by this, whatever lets it in. Continuing uses Range
with If-Range, so that a file that changed meanwhile starts anew; a store that ignores If-Range
still shows another ETag. A store that gives its files neither an ETag nor a date is read from the
start again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import urllib3

from triton_operator.model import reasons
from triton_operator.model.authorization import Authorization, Headers, Refusal
from triton_operator.model.connection import Connection, caught, without_query
from triton_operator.model.digest import CHUNK_BYTES
from triton_operator.model.errors import SourceRefused, SourceUnavailable
from triton_operator.model.http_answers import (
    Broken,
    body_length,
    content_range,
    refused,
    validator,
)
from triton_operator.model.network import Network
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

    def timeout(self, seconds_left: float) -> urllib3.Timeout:
        """For one request, when `seconds_left` are left for everything."""
        left = max(seconds_left, 0.001)
        return urllib3.Timeout(
            connect=min(self.connect_seconds, left), read=min(self.read_seconds, left)
        )


Now = Callable[[], datetime]
"""The wall clock in UTC: signatures and tokens carry it."""


def utc_now() -> datetime:
    """The time on this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Under which a download happens."""

    network: Network
    patience: Patience
    sleep: Sleep
    say: Say
    now: Now = utc_now
    secret_keys: tuple[str, ...] | None = None
    """Which keys the Secret with credentials has, for messages; None where there is none."""


@dataclass
class _Version:
    """Which bytes the first answer began to send."""

    validator: str | None = None
    total: int | None = None


class Download:
    """Reads files at the origin of `url`, where `authorization` lets it in."""

    def __init__(self, url: str, authorization: Authorization, around: Conditions) -> None:
        self._patience = around.patience
        self._secret_keys = around.secret_keys
        self._secret_field = around.network.secret_field
        self._sleep = around.sleep
        self._say = around.say
        self._connection = Connection(url, authorization, around.network)

    def read(self, url: str, into: Receiver, headers: Headers | None = None) -> None:
        """Give all bytes of the file at `url` to `into`.

        Raises:
            SourceRefused, SourceUnavailable: it cannot be had, for good or for now.
            ModelFailure: whatever `into` raises.
        """
        version = _Version()
        failures = 0
        while True:
            into.deadline.check(without_query(url))
            before = into.received
            try:
                self._attempt(url, dict(headers or {}), version, into)
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
            attempts = f"{failures} attempt{'s' if failures > 1 else ''}"
            raise SourceUnavailable(
                reasons.SOURCE_TIMEOUT if error.timeout else reasons.SOURCE_UNAVAILABLE,
                f"{at}; gave up after {attempts} without progress: look at the store, and at what "
                "lies between (DNS, proxies, network policies)",
            ) from error
        self._say(f"{at}; going on in {pause:g} s ({failures} of {patience.attempts})")
        self._sleep(pause)

    def _attempt(
        self, url: str, headers: dict[str, str], version: _Version, into: Receiver
    ) -> None:
        """Read from where `into` is to the end of the file.

        Raises:
            Broken: the rest may come with another attempt.
        """
        name = without_query(url)
        if into.received and version.validator is None:
            into.restart()
        if into.received:
            headers["Range"] = f"bytes={into.received}-"
            headers["If-Range"] = str(version.validator)
        response = self._connection.get(url, headers, self._patience.timeout(into.deadline.left()))
        if isinstance(response, Refusal):
            if response.status == 416 and into.received:
                into.restart()
                raise Broken("the file became shorter")
            raise refused(
                response,
                name,
                self._connection.authorization,
                self._secret_keys,
                secret_field=self._secret_field,
            )
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
