"""The hub's ConfigMaps: written where they differ, put back now and then, and tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from triton_operator.api.enums import Protocol
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.controllers.errors import ApiError, ApiRefused, ApiUnavailable
from triton_operator.controllers.keys import Key
from triton_operator.hub.endpoint_lists import LOOK_SECONDS, EndpointMaps

KEY = Key("InferenceService", "shop", "vision")
SERVICE = {"metadata": {"namespace": "shop", "name": "vision", "uid": "u"}}
ROW = RoutedEndpoint(cluster="a", protocol=Protocol.HTTP, url="https://a.example")


class Server:
    """Keeps one object; raises `error` instead of taking it."""

    def __init__(self) -> None:
        self.live: Any = None
        self.writes = 0
        self.error: ApiError | None = None

    async def get(self, *_: Any) -> Any:
        return self.live

    async def apply(self, kind: Any, manifest: Any, *, force: bool) -> Any:
        if self.error:
            raise self.error
        self.writes += 1
        self.live = manifest
        return manifest


class World:
    """A clock, a server, and what writes."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.server = Server()
        self.maps = EndpointMaps(self.server, lambda: self.now)  # type: ignore[arg-type]

    def write(self, *rows: RoutedEndpoint) -> str:
        return asyncio.run(self.maps.write(KEY, SERVICE, rows))


@pytest.fixture
def world() -> World:
    return World()


def test_what_is_written_is_not_written_again(world: World) -> None:
    assert [world.write(ROW), world.write(ROW)] == ["", ""]
    assert world.server.writes == 1

    world.write(ROW, ROW.model_copy(update={"cluster": "b"}))
    assert world.server.writes == 2


def test_what_somebody_did_to_it_is_put_back_after_a_while(world: World) -> None:
    world.write(ROW)
    world.server.live = {**world.server.live, "data": {}}

    world.now += LOOK_SECONDS
    world.write(ROW)

    assert world.server.live["data"]


def test_another_leader_and_another_service_of_that_name_begin_anew(world: World) -> None:
    world.write(ROW)
    world.maps.forget_all()
    world.write(ROW)
    world.maps.forget(KEY)
    world.write(ROW)

    assert world.server.writes == 3


@pytest.mark.parametrize(
    "error", [ApiRefused(403, "Forbidden", "no right"), ApiUnavailable(503, "", "down")]
)
def test_what_cannot_be_written_is_said_and_tried_again(world: World, error: ApiError) -> None:
    world.server.error = error
    assert "vision-endpoints is not written" in world.write(ROW)

    world.server.error = None
    assert world.write(ROW) == ""
    assert world.server.writes == 1
