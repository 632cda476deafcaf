"""GET requests to pods, which may be slow, broken or hostile: everything about them is bounded."""

import asyncio
import resource

import aiohttp

AT_ONCE = 100
"""Requests at a time, over all services: at 10 ms each enough for 10,000 pods a second."""
TIMEOUT = aiohttp.ClientTimeout(total=2.0, sock_connect=1.0)
"""A pod that takes longer has nothing fresh to say, and others wait for its place."""

MANY_FILES = 16_384
"""Open files with which connections are kept: one for each of 10,000 pods, and all else."""


class Unanswered(Exception):
    """A pod gave no usable answer; the text says why."""


class PodRequests:
    """One session for requests to any pod, to be closed at the end.

    It is its own: that of the API server would show the operator's token to pods. A proxy for the
    world outside has no way to pods, and redirects could lead anywhere.

    `keep_connections` saves a third of the work, for an open file per pod: None does so where this
    process may have enough of them, and not where it may have 1,024, as containers often do.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
        keep_connections: bool | None = None,
    ) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._timeout = timeout
        if keep_connections is None:
            keep_connections = are_many_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self._keep_connections = keep_connections
        self._session: aiohttp.ClientSession | None = None

    async def get(self, address: str, port: int, path: str, max_bytes: int) -> bytes:
        """The body of a pod's answer; `address` is of IPv4 or IPv6.

        Raises:
            Unanswered: no answer, not in time, not 200, or more than `max_bytes`.
        """
        host = f"[{address}]" if ":" in address else address
        async with self._slots:
            try:
                return await self._get(f"http://{host}:{port}{path}", max_bytes)
            except TimeoutError as error:
                raise Unanswered("it did not answer in time") from error
            except (aiohttp.ClientError, ValueError) as error:
                raise Unanswered(str(error)[:200] or type(error).__name__) from error

    async def close(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close()

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
