"""A mirror of the hub's own API server: what an outage means, and when it is over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

import triton_operator.controllers.mirror as mirror_module
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiUnavailable
from triton_operator.hub.following import OUTAGE_SECONDS, Following
from triton_operator.hub.kinds import INFERENCE_CLUSTER


class EnoughError(Exception):
    """The script is over."""


class World:
    """An API server that lists or fails as a script says, by a clock of its own."""

    def __init__(self, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.script = list(script)
        self.now = 0.0
        self.heard: list[str] = []
        monkeypatch.setattr(mirror_module, "watch_events", self._watch)
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def listing(self, *_: Any, **__: Any) -> tuple[list[Any], str]:
        if not self.script:
            raise EnoughError
        if self.script.pop(0) == "-":
            raise ApiUnavailable(0, "NoAnswer", "refused")
        return [], "1"

    async def _watch(self, *_: Any) -> AsyncIterator[Any]:
        self.heard.append(f"followed, {self.made.outage_seconds():g} s")
        raise ApiUnavailable(0, "Cut", "reset")
        yield

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    async def run(self) -> Following:
        self.made = Following(
            cast(ApiServer, self),
            cast(Any, None),
            INFERENCE_CLUSTER,
            lambda *_: None,
            resumed=lambda: self.heard.append("resumed"),
            randomness=random.Random(1),
        )
        self.made._clock = lambda: self.now
        with pytest.raises(EnoughError):
            await self.made.run()
        return self.made


def test_a_short_break_is_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World("+++", monkeypatch)
    made = asyncio.run(world.run())

    assert world.heard == ["followed, 0 s"] * 3
    assert world.now < OUTAGE_SECONDS
    assert made.synced.is_set()


def test_after_an_outage_what_was_not_heard_is_told_first(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World("+-----+", monkeypatch)
    asyncio.run(world.run())

    assert world.heard == ["followed, 0 s", "resumed", "followed, 0 s"]
    assert caplog.text.count("A kind cannot be followed") == 3, "once for each problem"


def test_a_first_listing_that_never_comes_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World("---", monkeypatch)
    made = asyncio.run(world.run())

    assert not made.synced.is_set()
    assert made.outage_seconds() == pytest.approx(world.now, abs=1e-9)
    assert world.heard == []
