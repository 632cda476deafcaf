"""A mirror: the newest version stays, and what is gone does not come back by a late answer."""

import asyncio
import random
from typing import Any, cast

import pytest

import triton_operator.hub.mirror as mirror_module
from tests.unit.ended_streams import EndedStreams, EnoughError
from triton_operator.controllers.api_server import ApiServer
from triton_operator.hub.kinds import INFERENCE_WORK
from triton_operator.hub.mirror import Mirror

Body = dict[str, Any]


def work(version: int, uid: str = "u") -> Body:
    metadata = {"namespace": "fleet-a", "name": "w", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata}


class Lister:
    """An API server that lists what it is told to."""

    def __init__(self) -> None:
        self.listed: list[Body] = []

    async def listing(self, *_: Any, **__: Any) -> tuple[list[Body], str]:
        return self.listed, "9"


async def mirror(server: Lister) -> Mirror:
    return Mirror(
        cast(ApiServer, server),
        cast(Any, None),
        INFERENCE_WORK,
        lambda before, after: None,
        randomness=random.Random(1),
    )


def test_a_late_answer_brings_nothing_back() -> None:
    async def check() -> None:
        made = await mirror(Lister())
        made.put(work(3))
        made._remove(("fleet-a", "w"), "u")
        made.put(work(2))
        made.put(work(3))
        assert made.get("fleet-a", "w") is None

        made.put(work(5, uid="v"))
        assert made.get("fleet-a", "w") == work(5, uid="v"), "one of that name made anew"

    asyncio.run(check())


def test_a_stream_that_ends_at_once_is_not_taken_up_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = EndedStreams(monkeypatch, mirror_module)

    async def check() -> None:
        await (await mirror(Lister()))._follow("9")

    with pytest.raises(EnoughError):
        asyncio.run(check())

    assert streams.opened == len(streams.pauses) == 3
    assert min(streams.pauses) >= 0.5


def test_an_older_version_is_no_news() -> None:
    async def check() -> None:
        made = await mirror(Lister())
        made.put(work(3))
        made.put(work(2))
        assert made.get("fleet-a", "w") == work(3)

    asyncio.run(check())


def test_a_listing_is_believed_whatever_was_known() -> None:
    """An API server that was restored from a backup has older versions, and what had gone."""

    async def check() -> None:
        server = Lister()
        made = await mirror(server)
        made.put(work(7))
        server.listed = [work(2)]
        await made._list()
        found = made.get("fleet-a", "w")
        assert found
        assert found["metadata"]["resourceVersion"] == "2"

        server.listed = []
        await made._list()
        assert made.get("fleet-a", "w") is None
        server.listed = [work(2)]
        await made._list()
        assert made.get("fleet-a", "w")

    asyncio.run(check())
