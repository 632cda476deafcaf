"""A real etcd and kube-apiserver with this API's definitions, one for the whole session.

`control_plane`: the processes (kubeconfig, certificates). `bare_api`: a client before anything is
installed. `api`: a client, definitions served. `namespace`: a new, empty one for each test.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from triton_operator.api.group import API_VERSION

CRDS = Path(__file__).parents[2] / "crds"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane() as running:
        yield running


@pytest.fixture(scope="session")
def bare_api(control_plane: ControlPlane) -> Iterator[Api]:
    with Api(
        control_plane.url,
        ca=control_plane.ca,
        cert=control_plane.admin_cert,
        key=control_plane.admin_key,
    ) as api:
        yield api


@pytest.fixture(scope="session")
def definitions(bare_api: Api) -> list[Object]:
    """The definitions from `crds/`, created and served; as the API server holds them."""
    created = [
        bare_api.create(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(CRDS.glob("*.yaml"))
    ]
    wait_until(
        "waiting for the definitions to be served",
        lambda: all(_is_served(bare_api, definition) for definition in created),
        timeout_seconds=60,
    )
    return [bare_api.get(definition) for definition in created]


@pytest.fixture(scope="session")
def api(bare_api: Api, definitions: list[Object]) -> Api:
    assert definitions
    return bare_api


@pytest.fixture
def namespace(api: Api) -> str:
    name = f"test-{next(_numbers)}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def _is_served(api: Api, definition: Object) -> bool:
    conditions = api.get(definition).get("status", {}).get("conditions", [])
    if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
        return False
    # Established comes a moment before requests are answered: until then the path is unknown, or
    # its "storage is (re)initializing".
    try:
        api.request("GET", f"/apis/{API_VERSION}/{definition['spec']['names']['plural']}")
    except RefusedError as refusal:
        if refusal.code in (404, 429, 503):
            return False
        raise
    return True
