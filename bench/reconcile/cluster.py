"""The benchmark's own requests to the API server, on connections of its own."""

import json
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

from bench.reconcile.request_counts import RequestCounts, request_counts

MANAGER = "bench-reconcile"
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=60)
API_MEDIA_TYPES = {"apply": "application/apply-patch+yaml", "merge": "application/merge-patch+json"}


class RequestRefused(Exception):
    """The API server answered with an error; the message has its own words."""


class Cluster:
    """JSON in, JSON out; an async context manager."""

    def __init__(self, url: str, tls: ssl.SSLContext) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls), timeout=REQUEST_TIMEOUT
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def get(self, path: str) -> Any:
        """The object or list at `path`."""
        return json.loads(await self._request("GET", path))

    async def create(self, path: str, body: Mapping[str, Any]) -> Any:
        """Create an object in the collection at `path`."""
        return json.loads(await self._request("POST", path, body, "application/json"))

    async def patch(self, path: str, body: Mapping[str, Any], *, how: str = "merge") -> Any:
        """Change the object at `path` by a `merge` patch, or create or change it by `apply`."""
        query = f"?fieldManager={MANAGER}" + ("&force=true" if how == "apply" else "")
        return json.loads(await self._request("PATCH", path + query, body, API_MEDIA_TYPES[how]))

    async def request_counts(self) -> RequestCounts:
        """The API server's own count of all requests so far."""
        return request_counts((await self._request("GET", "/metrics")).decode())

    def watch(self, path_and_query: str) -> Any:
        """The response of a watch, to be entered and read line by line."""
        timeout = aiohttp.ClientTimeout(total=None)
        return self._session.get(self._url + path_and_query, timeout=timeout, raise_for_status=True)

    async def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        media_type: str = "",
    ) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": media_type} if media_type else None
        async with self._session.request(
            method, self._url + path, data=data, headers=headers
        ) as response:
            text = await response.read()
            if response.status >= 400:
                raise RequestRefused(f"{method} {path}: {response.status} {text[:500].decode()}")
            return text
