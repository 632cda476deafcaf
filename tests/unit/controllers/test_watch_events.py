"""One watch request, over a real connection."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from triton_operator.controllers.answer_bounds import UNBOUNDED, AnswerBounds
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import INFERENCE_WORK
from triton_operator.controllers.watch_events import WatchEvent, _lines, watch_events


def event(kind: str, **more: Any) -> bytes:
    return json.dumps({"type": kind, "object": {"metadata": {"name": "a"}, **more}}).encode()


def watched(
    *chunks: bytes, status: int = 200, bounds: AnswerBounds = UNBOUNDED
) -> tuple[list[WatchEvent], dict[str, str], str]:
    """The events, the query, and the error with which it ended, if any."""
    asked: dict[str, str] = {}

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.update(request.query)
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            # Each a chunk of its own on the wire.
            await asyncio.sleep(0)
        return response

    async def scenario() -> tuple[list[WatchEvent], str]:
        application = web.Application()
        application.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            async with aiohttp.ClientSession() as session:
                connection = Connection(f"http://{host}:{port}", session, bounds=bounds)
                found: list[WatchEvent] = []
                try:
                    async for one in watch_events(
                        connection, INFERENCE_WORK, "fleet-a", "7", {"labelSelector": "x=y"}
                    ):
                        found.append(one)
                except ApiError as error:
                    return found, f"{error.status} {error.reason}"
                return found, ""
        finally:
            await runner.cleanup()

    found, error = asyncio.run(scenario())
    return found, asked, error


def test_it_asks_for_bookmarks_and_for_an_end() -> None:
    _, asked, error = watched()

    assert error == ""
    assert asked == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "240",
        "labelSelector": "x=y",
    }


def test_events_are_read_however_they_are_cut() -> None:
    text = event("ADDED") + b"\n" + event("BOOKMARK") + b"\n" + event("DELETED") + b"\n"
    found, _, error = watched(text[:10], text[10:90], text[90:])

    assert [one.type for one in found] == ["ADDED", "BOOKMARK", "DELETED"]
    assert error == ""


def test_an_event_may_be_long() -> None:
    found, _, _ = watched(event("ADDED", spec="x" * 1_400_000) + b"\n")

    assert len(found[0].object["spec"]) == 1_400_000


@pytest.mark.parametrize(
    ("chunks", "status", "expected"),
    [
        ([event("ERROR", code=410, reason="Expired"), b"\n"], 200, "410 Expired"),
        ([event("ERROR"), b"\n"], 200, "0 "),
        ([b"<html>\n"], 200, "0 JSONDecodeError"),
        ([b'{"kind": "Status"}\n'], 200, "0 KeyError"),
        ([b"no"], 403, "403 Forbidden"),
        ([b"no"], 410, "410 Gone"),
        ([b"no"], 500, "500 Internal Server Error"),
    ],
)  # fmt: skip
def test_whatever_is_no_event_is_an_error(chunks: list[bytes], status: int, expected: str) -> None:
    _, _, error = watched(*chunks, status=status)

    assert error == expected


@pytest.mark.parametrize("end", [b"", b"\n", b"\n" + event("BOOKMARK") + b"\n"])
def test_an_event_is_no_longer_than_the_bound(end: bytes) -> None:
    """Whoever is not trusted may send one for ever."""
    bounds = AnswerBounds(line=1000)
    text = event("ADDED", spec="x" * 900)
    found, _, error = watched(text + end, bounds=bounds)
    assert (error, len(found)) == ("", min(1, end.count(b"\n")) + end.count(b"BOOKMARK"))

    found, _, error = watched(event("ADDED", spec="x" * 1000) + end, bounds=bounds)
    assert (error, found) == ("0 TooMuch", [])


def test_an_event_that_would_grow_too_large_is_not_parsed() -> None:
    text = event("ADDED", spec=[[]] * 2000) + b"\n"
    _, _, error = watched(text, bounds=AnswerBounds(memory=100_000))

    assert len(text) < 10_000
    assert error == "0 TooMuch"


def test_a_line_in_small_pieces_takes_no_longer_than_another() -> None:
    class Pieces:
        async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
            for _ in range(100_000):
                yield b"x" * 80
            yield b"\nnext\nrest"

    async def read() -> list[int]:
        content = cast(aiohttp.StreamReader, Pieces())
        return [len(line) async for line in _lines(content, 16 * 2**20)]

    began = time.monotonic()
    assert asyncio.run(read()) == [8_000_000, 4]
    assert time.monotonic() - began < 5
