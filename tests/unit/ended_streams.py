"""Watches that an API server, or a proxy before it, ends as soon as they are open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import pytest

PAUSES, OPENED = 3, 100


class EnoughError(Exception):
    """It has gone on for long enough."""


class EndedStreams:
    """Takes the place of a module's `watch_events` and of all sleeping; ends it after some."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
        self.opened = 0
        self.pauses: list[float] = []
        monkeypatch.setattr(module, "watch_events", self._watch)
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _watch(self, *_: Any) -> AsyncIterator[Any]:
        self.opened += 1
        if self.opened > OPENED:
            raise EnoughError
        for nothing in ():
            yield nothing

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == PAUSES:
            raise EnoughError
