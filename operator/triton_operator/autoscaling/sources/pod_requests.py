"""GET requests to pods, which may be slow, broken or hostile: everything about them is bounded."""

import asyncio
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

AT_ONCE = 100
"""Requests at a time, over all services: at 10 ms each enough for 10,000 pods a second."""
TIMEOUT = aiohttp.ClientTimeout(total=2.0, sock_connect=1.0)
"""A pod that takes longer has nothing fresh to say, and others wait for its place."""
REST_SECONDS = 2.0
LONGEST_REST_SECONDS = 10.0
"""A silent pod is left out for so long, twice as long each time: a hundred that hold their places
for 2 s each would leave none for those that answer."""
REMEMBERED_SECONDS = 60.0
"""After its last silence; an address may be another pod's then."""

MANY_FILES = 16_384
"""Open files with which connections are kept: one for each of 10,000 pods, and all else."""


class Unanswered(Exception):
    """A pod gave no usable answer; the text says why."""


@dataclass(frozen=True)
class _Silence:
    """When an address did not answer in time last, and for how long it is left out since."""

    since: float
    rest_seconds: float


class PodRequests:
    """One session for requests to any pod, to be closed at the end.

    It is its own: that of the API server would show the operator's token to pods. A proxy for the
    world outside has no way to pods, and redirects could lead anywhere.

    `keep_connections` saves a third of the work, for an open file per pod: None does so where this
    process may have enough of them, and not where it may have 1,024, as containers often do.

    An address that did not answer in time is left out for a while by `clock` (seconds).
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
        keep_connections: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._timeout = timeout
        if keep_connections is None:
            keep_connections = are_many_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self._keep_connections = keep_connections
        self._session: aiohttp.ClientSession | None = None
        self._clock = clock
        self._silences: dict[tuple[str, int], _Silence] = {}

    async def get(self, address: str, port: int, path: str, max_bytes: int) -> bytes:
        """The body of a pod's answer; `address` is of IPv4 or IPv6.

        Raises:
            Unanswered: no answer, not in time, not 200, or more than `max_bytes`; at once where it
                did not answer in time a moment ago.
        """
        host = f"[{address}]" if ":" in address else address
        self._check_silence(address, port)
        async with self._slots:
            # Again: it may have become known while this waited for its place.
            self._check_silence(address, port)
            try:
                body = await self._get(f"http://{host}:{port}{path}", max_bytes)
            except TimeoutError as error:
                self._note_silence(address, port)
                raise Unanswered("it did not answer in time") from error
            except (aiohttp.ClientError, ValueError) as error:
                raise Unanswered(str(error)[:200] or type(error).__name__) from error
            self._silences.pop((address, port), None)
            return body

    async def close(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close()

    def _check_silence(self, address: str, port: int) -> None:
        silence = self._silences.get((address, port))
        if silence is not None and self._clock() - silence.since < silence.rest_seconds:
            raise Unanswered("it did not answer a moment ago")

    def _note_silence(self, address: str, port: int) -> None:
        now = self._clock()
        before = self._silences.pop((address, port), None)
        rest = REST_SECONDS
        if before is not None and now - before.since <= REMEMBERED_SECONDS:
            # Several that were under way at the same time have met the same silence.
            again = now - before.since >= before.rest_seconds
            rest = min(LONGEST_REST_SECONDS, before.rest_seconds * (2.0 if again else 1.0))
        self._silences[address, port] = _Silence(now, rest)
        # The oldest is the first one.
        while now - next(iter(self._silences.values())).since > REMEMBERED_SECONDS:
            del self._silences[next(iter(self._silences))]

    async def _get(self, url: str, max_bytes: int) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0, force_close=not self._keep_connections),
                # A few compressed bytes can be gigabytes.
                auto_decompress=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "triton-operator"},
            )
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise Unanswered(f"it answers with status {response.status}")
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > max_bytes:
                    raise Unanswered(f"its answer is longer than {max_bytes} bytes")
        return bytes(body)


def are_many_files(limit: int) -> bool:
    """Whether a process with this limit of open files can keep a connection to each pod."""
    return limit == resource.RLIM_INFINITY or limit >= MANY_FILES
