"""One watch request: what happens to the objects of a collection, as the API server tells it."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp

from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import api_error
from triton_operator.controllers.kinds import Kind

WATCH_SECONDS = 240
"""How long the API server keeps one watch open."""
SILENCE_SECONDS = 90.0
"""Bookmarks come about once a minute: a stream that is silent for longer may be dead."""
MARGIN_SECONDS = 30.0
"""Beyond `WATCH_SECONDS`, for what the network takes."""


class WatchEvent(NamedTuple):
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: dict[str, Any]


async def watch_events(
    connection: Connection, kind: Kind, version: str, selectors: dict[str, str]
) -> AsyncIterator[WatchEvent]:
    """Events after a version, until the stream ends, as it does every few minutes.

    Raises:
        ApiError: the watch is refused, breaks, is silent for too long, or `version` is too old.
    """
    query = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(WATCH_SECONDS),
        **selectors,
    }
    url = f"{connection.server}{kind.path()}?{urlencode(query)}"
    limits = aiohttp.ClientTimeout(
        total=WATCH_SECONDS + MARGIN_SECONDS, sock_connect=MARGIN_SECONDS, sock_read=SILENCE_SECONDS
    )
    try:
        async with connection.session.get(url, timeout=limits) as response:
            if response.status != HTTPStatus.OK:
                text = (await response.read())[:500].decode(errors="replace")
                raise api_error(response.status, response.reason or "", text)
            async for line in _lines(response.content):
                row = json.loads(line)
                event = WatchEvent(row["type"], row["object"])
                if event.type == "ERROR":
                    said = event.object
                    raise api_error(
                        said.get("code") or 0, said.get("reason", ""), said.get("message", "")
                    )
                yield event
    except (TimeoutError, aiohttp.ClientError, ValueError) as error:
        raise api_error(0, type(error).__name__, f"watch of {kind.plural}: {error}") from error


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Whole lines, however long: aiohttp's own reader gives up at 128 KiB."""
    rest = b""
    async for chunk in content.iter_chunked(65536):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
