"""A token that is renewed: when, where it is written, and who reads it."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tests.unit.fleet.test_agent_token import jwt, kubeconfig
from triton_operator.agent.link import Link, Reconnect
from triton_operator.agent.renewal import AGAIN_SECONDS, Renewal
from triton_operator.agent.token_store import NotKept, TokenFile
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiRefused
from triton_operator.fleet.agent_token import Life, token_in

OLD, NEW = jwt({"iat": 1000, "exp": 2800}), jwt({"iat": 2200, "exp": 4000})


class Hub:
    """It grants one token; `refuses` it at first so often."""

    def __init__(self, refuses: int = 0) -> None:
        self.asked: list[tuple[str, str, int]] = []
        self._refuses = refuses

    async def token(self, namespace: str, account: str, seconds: int) -> Any:
        self.asked.append((namespace, account, seconds))
        if len(self.asked) <= self._refuses:
            raise ApiRefused(403, "Forbidden", "no right")
        return {"status": {"token": NEW, "expirationTimestamp": "1970-01-01T01:06:40Z"}}


class World:
    """A file with a token, and an agent whose clock goes half a minute with each look."""

    def __init__(self, path: Path, now: float, *, token: str = OLD, renews: bool = True) -> None:
        self.path = path
        self.write(token)
        self.now = now
        self.looks = 0
        self.last_look = 10_000
        self.joins_at = -1
        """The look after which somebody joins the cluster again."""
        store = TokenFile(path) if renews else None
        self.renewal = Renewal(
            path,
            "fleet-store",
            store,
            now=lambda: self.now,
            clock=lambda: self.now,
            randomness=cast(random.Random, self),
            look_seconds=0.0,
        )

    def write(self, token: str) -> None:
        self.path.write_text(yaml.safe_dump(kubeconfig(token=token)))

    def uniform(self, low: float, high: float) -> float:
        """Called once between two looks."""
        self.looks += 1
        self.now += 30.0
        if self.looks == self.joins_at:
            self.write(NEW)
        if self.looks > self.last_look:
            raise TimeoutError
        return high

    def run(self, hub: Hub) -> None:
        asyncio.run(self.renewal.run(cast(ApiServer, hub)))


def test_another_one_is_asked_for_at_two_thirds_and_then_used(tmp_path: Path) -> None:
    world, hub = World(tmp_path / "hub", now=1000.0), Hub()
    os.chmod(world.path, 0o600)

    with pytest.raises(Reconnect):
        world.run(hub)

    assert world.now == 2200.0
    assert hub.asked == [("fleet-store", "fleet-agent", 1800)], "as long as the first one"
    assert token_in(world.path.read_text()) == NEW
    assert world.path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [world.path], "nothing is left beside it"
    world.last_look = world.looks
    with pytest.raises(TimeoutError):
        world.run(hub)
    assert world.renewal.life == Life(2200.0, 4000.0)
    assert len(hub.asked) == 1


def test_what_is_refused_is_asked_for_again_later(tmp_path: Path) -> None:
    world, hub = World(tmp_path / "hub", now=2200.0), Hub(refuses=2)

    with pytest.raises(Reconnect):
        world.run(hub)

    assert len(hub.asked) == 3
    assert world.now - 2200.0 == 2 * AGAIN_SECONDS


def test_a_connection_that_breaks_does_not_ask_at_once_again(tmp_path: Path) -> None:
    world, hub = World(tmp_path / "hub", now=2200.0), Hub(refuses=9)
    world.last_look = 3
    for _ in range(3):
        with pytest.raises(TimeoutError):
            world.run(hub)
        world.last_look = world.looks + 3

    assert len(hub.asked) == 1


def test_a_token_that_somebody_else_has_put_there_is_used(tmp_path: Path) -> None:
    world, hub = World(tmp_path / "hub", now=1000.0, renews=False), Hub()

    world.joins_at = 3

    with pytest.raises(Reconnect):
        world.run(hub)

    assert world.looks == 3
    assert hub.asked == []


@pytest.mark.parametrize("token", ["opaque", ""])
def test_a_token_that_does_not_say_is_left_alone(tmp_path: Path, token: str) -> None:
    world, hub = World(tmp_path / "hub", now=1e9, token=token), Hub()
    world.last_look = 3

    with pytest.raises(TimeoutError):
        world.run(hub)

    assert hub.asked == []
    assert world.renewal.life is None


def test_a_newer_token_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "hub"
    path.write_text(yaml.safe_dump(kubeconfig(token=NEW)))
    before = path.read_text()

    with pytest.raises(NotKept, match="newer token"):
        asyncio.run(TokenFile(path).keep(OLD, jwt({"iat": 1, "exp": 5000})))

    assert path.read_text() == before


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotKept, match="name that with --hub-secret"):
        asyncio.run(TokenFile(tmp_path / "gone").keep(OLD, NEW))


def test_other_credentials_are_no_failure_of_the_link() -> None:
    """A new connection at once, without a pause and without a complaint."""
    uses, pauses = 0, []

    class Session:
        async def close(self) -> None:
            pass

    async def connect() -> Connection:
        return Connection("http://hub", cast(Any, Session()))

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        raise KeyboardInterrupt

    async def use(connection: Connection) -> None:
        nonlocal uses
        uses += 1
        if uses < 3:
            raise Reconnect
        raise ApiRefused(403, "Forbidden", "no")

    link = Link("hub", connect, randomness=random.Random(1), clock=lambda: 0.0, sleep=sleep)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(link.keep(use))

    assert uses == 3
    assert len(pauses) == 1
