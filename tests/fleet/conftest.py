"""Two real API servers on loopback, one as the hub and one as a member, for the whole session."""

import itertools
from collections.abc import Iterator

import pytest

from e2e.harness.controlplane import ControlPlane
from tests.api.client import Api
from tests.api.definitions import install_definitions
from tests.fleet.real_fleet import RealFleet, Side

_numbers = itertools.count(1)


def _side(name: str) -> Iterator[Side]:
    with (
        ControlPlane(name=name) as plane,
        Api(plane.url, ca=plane.ca, cert=plane.admin_cert, key=plane.admin_key) as api,
    ):
        install_definitions(api)
        yield Side(plane, api)


@pytest.fixture(scope="session")
def hub() -> Iterator[Side]:
    yield from _side("hub")


@pytest.fixture(scope="session")
def member() -> Iterator[Side]:
    yield from _side("member")


@pytest.fixture
def fleet(hub: Side, member: Side) -> Iterator[RealFleet]:
    """A mailbox and a namespace of its own, and an agent that runs."""
    running = RealFleet(hub, member, next(_numbers))
    running.start()
    yield running
    running.stop()
