"""One watch request without kopf: what happens to the objects of a collection, as it is told."""

import json
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp

from triton_operator.controllers.answer_bounds import Tally, too_much
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import api_error
from triton_operator.controllers.kinds import Kind

WATCH_SECONDS = 240
"""How long the API server keeps one watch open."""
OPENING_SECONDS = 30.0
SILENCE_SECONDS = 90.0
"""Bookmarks come about once a minute: a stream that is silent for longer may be dead."""


class WatchEvent(NamedTuple):
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: dict[str, Any]


async def watch_events(
    connection: Connection,
    kind: Kind,
    namespace: str | None,
    version: str,
    selectors: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[WatchEvent]:
    """Events after a version, until the API server ends the stream, as it does every few minutes.

    `selectors` are labelSelector and fieldSelector, as the API has them.

    Raises:
        ApiError: the watch is refused, breaks, is silent for too long, or `version` is too old
            (its status is 410).
        ApiTooMuch: an event is longer than the bounds of the connection.
    """
    query = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(WATCH_SECONDS),
    }
    query |= selectors
    url = f"{connection.server}{kind.path(namespace)}?{urlencode(query)}"
    limits = aiohttp.ClientTimeout(
        total=WATCH_SECONDS + OPENING_SECONDS,
        sock_connect=OPENING_SECONDS,
        sock_read=SILENCE_SECONDS,
    )
    try:
        async with connection.session.get(url, timeout=limits) as response:
            if response.status != HTTPStatus.OK:
                text = (await response.content.read(500)).decode(errors="replace")
                raise api_error(response.status, response.reason or "", text)
            async for line in _lines(response.content, connection.bounds.line):
                Tally(connection.bounds, "one event").keep(line)
                row = json.loads(line)
                event = WatchEvent(row["type"], row["object"])
                if event.type == "ERROR":
                    said = event.object
                    raise api_error(
                        said.get("code") or 0, said.get("reason", ""), said.get("message", "")
                    )
                yield event
    except (TimeoutError, aiohttp.ClientError, ValueError, KeyError) as error:
        raise api_error(0, type(error).__name__, f"watch of {kind.plural}: {error}") from error


async def _lines(content: aiohttp.StreamReader, longest: int) -> AsyncIterator[bytes]:
    """Whole lines; aiohttp's own reader gives up at 128 KiB.

    What has no end yet is neither copied nor searched again for each chunk: a line that comes in
    small pieces would take time by the square of its length.
    """
    rest = bytearray()
    async for chunk in content.iter_chunked(65536):
        first, *others = chunk.split(b"\n")
        rest += first
        for other in others:
            _check(rest, longest)
            yield bytes(rest)
            rest = bytearray(other)
        _check(rest, longest)


def _check(line: bytearray, longest: int) -> None:
    if len(line) > longest:
        raise too_much(f"an event of more than {longest / 2**20:g} MiB")
