"""A link that fails again and again: how long it waits until the next try."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, cast

import pytest

from triton_operator.agent.link import Link
from triton_operator.controllers.connection import Connection, UnverifiedServer
from triton_operator.controllers.errors import ApiError, ApiTooMuch, ApiUnavailable


class EnoughError(BaseException):
    """The script is over."""


class Session:
    """Of a connection."""

    async def close(self) -> None:
        pass


class World:
    """A link by a clock of its own; each use takes the next seconds and ends in an error."""

    def __init__(
        self, *seconds: float, retry_after: float | None = None, error: ApiError | None = None
    ) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self._seconds = list(seconds)
        self._error = error or ApiUnavailable(503, "ServiceUnavailable", "later", retry_after)
        self.link = Link(
            "hub",
            self._connect,
            randomness=cast(random.Random, self),
            sleep=self._sleep,
            clock=lambda: self.now,
        )

    def uniform(self, low: float, high: float) -> float:
        return high

    async def _connect(self) -> Connection:
        return Connection("http://hub", cast(Any, Session()))

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        if not self._seconds:
            raise EnoughError

    async def _use(self, connection: Connection) -> None:
        self.link.works()
        self.now += self._seconds.pop(0)
        self.link.works()
        raise self._error

    def run(self) -> list[float]:
        with pytest.raises(EnoughError):
            asyncio.run(self.link.keep(self._use))
        return self.pauses


@pytest.mark.parametrize(
    ("make", "pauses"),
    [
        pytest.param(lambda: World(1, 1, 1, 1), [1, 2, 4, 8], id="of no use for a minute"),
        pytest.param(lambda: World(1, 1, 61, 1), [1, 2, 1, 2], id="of use for a minute"),
        pytest.param(
            lambda: World(1, 1, retry_after=30.0), [30, 30], id="the server says how long"
        ),
        pytest.param(
            lambda: World(1, retry_after=86_400.0), [60], id="no server is waited for all day"
        ),
    ],
)
def test_pauses(make: Callable[[], World], pauses: list[float]) -> None:
    assert make().run() == pauses


def test_a_file_that_does_not_say_who_is_there_is_told_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(1.0)

    async def connect() -> Connection:
        world._seconds.clear()
        raise UnverifiedServer("config: http://hub is not reached by https")

    world.link = Link(
        "hub",
        connect,
        randomness=cast(random.Random, world),
        sleep=world._sleep,
        clock=lambda: world.now,
    )
    with pytest.raises(EnoughError):
        asyncio.run(world.link.keep(world._use))

    (record,) = caplog.records
    assert record.exc_info is None
    assert record.__dict__["error"] == "config: http://hub is not reached by https"


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ApiTooMuch(0, "TooMuch", "pods: more than 9 rows"), "pods: more than 9 rows"),
        (ApiUnavailable(0, "TimeoutError", "timed out"), "it does not answer"),
        (ApiUnavailable(503, "Unavailable", "later"), "503 Unavailable"),
    ],
)
def test_why_it_failed(error: ApiError, problem: str) -> None:
    world = World(1.0, error=error)
    world.run()

    assert world.link.problem == problem
