"""A hub's cluster: etcd and kube-apiserver with the definitions, one for the whole session."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness.controlplane import ControlPlane
from tests.api.client import Api
from tests.api.definitions import install_definitions
from tests.fleet_hub.clock import Clock
from tests.fleet_hub.fleet import Fleet

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def hub_plane() -> Iterator[ControlPlane]:
    with ControlPlane() as running:
        yield running


@pytest.fixture(scope="session")
def hub_api(hub_plane: ControlPlane) -> Iterator[Api]:
    """The administrator of the hub."""
    with Api(
        hub_plane.url, ca=hub_plane.ca, cert=hub_plane.admin_cert, key=hub_plane.admin_key
    ) as api:
        install_definitions(api)
        yield api


@pytest.fixture(scope="session")
def hub_kubeconfig(hub_plane: ControlPlane, hub_api: Api) -> Path:
    assert hub_api
    return hub_plane.client_kubeconfig("hub", "/O=system:masters/CN=hub")


@pytest.fixture
def fleet(hub_plane: ControlPlane, hub_api: Api, hub_kubeconfig: Path) -> Iterator[Fleet]:
    """A fleet without clusters, with a hub; names of one test are not those of another."""
    fleet = Fleet(hub_api, hub_plane.ca, hub_kubeconfig, Clock(), f"t{next(_numbers)}")
    with fleet:
        yield fleet
