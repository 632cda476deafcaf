"""Objects of the hub beside a service: written where they differ, put back, and tried again."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.hub.beside import SERVICE, Place
from triton_operator.api.enums import Protocol
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.controllers.errors import ApiError, ApiRefused, ApiUnavailable
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import CONFIG_MAP
from triton_operator.hub.owned_objects import LOOK_SECONDS, owned_metadata
from triton_operator.manifests.endpoint_map import endpoint_map

KEY = Key("InferenceService", "shop", "vision")
ROW = RoutedEndpoint(cluster="a", protocol=Protocol.HTTP, url="https://a.example")
NAME = "vision-endpoints"


@pytest.fixture
def place() -> Place:
    return Place()


def write(place: Place, *rows: RoutedEndpoint) -> str:
    wanted = endpoint_map(owned_metadata(SERVICE, NAME), rows)
    return asyncio.run(place.objects.write(CONFIG_MAP, SERVICE, wanted))


def test_what_is_written_is_not_written_again(place: Place) -> None:
    assert [write(place, ROW), write(place, ROW)] == ["", ""]
    assert place.server.writes == 1

    write(place, ROW, ROW.model_copy(update={"cluster": "b"}))
    assert place.server.writes == 2


def test_what_somebody_did_to_it_is_put_back_after_a_while(place: Place) -> None:
    write(place, ROW)
    place.server.live["ConfigMap", NAME] |= {"data": {}}

    place.now += LOOK_SECONDS
    write(place, ROW)

    assert place.server.live["ConfigMap", NAME]["data"]


def test_another_leader_and_another_service_of_that_name_begin_anew(place: Place) -> None:
    write(place, ROW)
    place.objects.forget_all()
    write(place, ROW)
    place.objects.forget(KEY)
    write(place, ROW)

    assert place.server.writes == 3


@pytest.mark.parametrize(
    "error", [ApiRefused(403, "Forbidden", "no right"), ApiUnavailable(503, "", "down")]
)
def test_what_cannot_be_written_is_said_and_tried_again(place: Place, error: ApiError) -> None:
    place.server.error = error
    assert "vision-endpoints is not written" in write(place, ROW)

    place.server.error = None
    assert write(place, ROW) == ""
    assert place.server.writes == 1


def test_what_is_somebody_elses_is_neither_written_nor_known_nor_removed(place: Place) -> None:
    place.strangers(CONFIG_MAP, NAME)

    assert "belongs to somebody else" in write(place, ROW)
    assert asyncio.run(place.objects.known(CONFIG_MAP, SERVICE, NAME)) is None
    assert not asyncio.run(place.objects.remove(CONFIG_MAP, SERVICE, NAME))
    assert place.server.names(CONFIG_MAP) == [NAME]


def test_what_is_the_services_is_known_after_a_restart_and_removed(place: Place) -> None:
    write(place, ROW)
    place.objects.forget_all()

    known = asyncio.run(place.objects.known(CONFIG_MAP, SERVICE, NAME))
    assert known is not None
    assert known["data"] == place.server.live["ConfigMap", NAME]["data"]

    assert asyncio.run(place.objects.remove(CONFIG_MAP, SERVICE, NAME))
    assert place.server.names(CONFIG_MAP) == []
    write(place, ROW)
    assert place.server.names(CONFIG_MAP) == [NAME], "what is removed is not taken for written"
