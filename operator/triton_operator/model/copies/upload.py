"""One store to put files into: bounded, and again where that may help.

Every kind of store has its own requests for it; they are sent by this.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import urllib3

from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.authorization import Authorization, Headers, Refusal
from triton_operator.model.connection import Body, Connection, without_query
from triton_operator.model.digest import CHUNK_BYTES
from triton_operator.model.download import Conditions
from triton_operator.model.errors import SourceRefused, SourceUnavailable
from triton_operator.model.http_answers import Broken, refused
from triton_operator.model.receiving import Deadline

T = TypeVar("T")
CopyFiles = Sequence[tuple[Path, ModelFile]]
"""The files of a copy and what is listed of them, the model file first."""


class CopyUpload(Protocol):
    """A place in a store for one copy."""

    def put(self, files: CopyFiles) -> None:
        """Put all files there; those that are there already stay.

        Raises:
            SourceRefused, SourceUnavailable: it cannot be done, for good or for now.
        """


class Upload:
    """Requests to the origin of `root`, until `deadline`."""

    def __init__(self, root: str, around: Conditions, deadline: Deadline) -> None:
        self._root = root
        self._around = around
        self._deadline = deadline

    @property
    def say(self) -> Callable[[str], None]:
        """Where its words go."""
        return self._around.say

    def connection(self, authorization: Authorization) -> Connection:
        """To the store, let in by that."""
        return Connection(self._root, authorization, self._around.network)

    def tried(self, name: str, step: Callable[[], T]) -> T:
        """What `step` gives; it is done again if it is broken off.

        Raises:
            SourceUnavailable: it was broken off too often, or the time is up.
            SourceRefused: as `step`.
        """
        patience = self._around.patience
        failures = 0
        while True:
            try:
                return step()
            except Broken as error:
                failures += 1
                pause = min(
                    patience.longest_pause_seconds,
                    error.retry_after or patience.first_pause_seconds * 2 ** (failures - 1),
                )
                if failures >= patience.attempts or pause >= self._deadline.left():
                    raise SourceUnavailable(
                        reasons.SOURCE_TIMEOUT if error.timeout else reasons.SOURCE_UNAVAILABLE,
                        f"{name}: {error}; gave up after {failures} "
                        f"attempt{'s' if failures > 1 else ''}: look at the store, and at what "
                        "lies between (DNS, proxies, network policies)",
                    ) from error
                self.say(f"{name}: {error}; again in {pause:g} s")
                self._around.sleep(pause)

    def send(
        self,
        connection: Connection,
        method: str,
        url: str,
        headers: Headers | None = None,
        body: Callable[[], Body | None] = lambda: None,
    ) -> urllib3.BaseHTTPResponse | Refusal:
        """One answer, closed: its headers are all that is wanted of it.

        Raises:
            Broken: none came.
            SourceRefused, SourceUnavailable: as `Connection.send`; the time is up.
        """
        timeout = self._around.patience.timeout(self._time_left(without_query(url)))
        answer = connection.send(method, url, headers or {}, timeout, body)
        if not isinstance(answer, Refusal):
            answer.close()
        return answer

    def refusal(self, answer: Refusal, url: str, connection: Connection) -> Broken | SourceRefused:
        """What an answer means that is not the one hoped for."""
        return refused(
            answer,
            without_query(url),
            connection.authorization,
            self._around.secret_keys,
            secret_field=self._around.network.secret_field,
            upload=True,
        )

    def pieces(self, file: Path) -> Iterator[bytes]:
        """The bytes of `file`, as long as there is time for them.

        Raises:
            SourceUnavailable: `SourceTimeout`.
        """
        with file.open("rb") as stream:
            while piece := stream.read(CHUNK_BYTES):
                self._time_left(file.name)
                yield piece

    def _time_left(self, name: str) -> float:
        left = self._deadline.left()
        if left <= 0:
            raise SourceUnavailable(
                reasons.SOURCE_TIMEOUT,
                f"{name}: the store did not take the copy within {self._deadline.seconds:g} s",
            )
        return left
