"""A real etcd and kube-apiserver with this API's definitions, one for the whole session.

`control_plane`: the processes (kubeconfig, certificates). `bare_api`: a client before anything is
installed. `api`: a client, definitions served. `namespace`: a new, empty one for each test.
The reconcile tests have a stage of their own, see `reconcile_fixtures`.
"""

import itertools
import random
from collections.abc import Iterator

import pytest

from e2e.harness.controlplane import ControlPlane
from tests.api.client import Api, Object
from tests.api.definitions import install_definitions
from tests.api.reconcile_fixtures import (
    audit,
    only_operator,
    operator,
    shop,
    stage,
    stage_api,
)

__all__ = ["audit", "only_operator", "operator", "shop", "stage", "stage_api"]
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
    return install_definitions(bare_api)


@pytest.fixture(scope="session")
def api(bare_api: Api, definitions: list[Object]) -> Api:
    assert definitions
    return bare_api


@pytest.fixture
def namespace(api: Api) -> str:
    name = f"test-{next(_numbers)}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--spec-seed", help="seed of test_spec_sequences.py instead of its own: a number, or any"
    )


def pytest_report_header(config: pytest.Config) -> list[str]:
    if config.option.spec_seed == "any":
        config.option.spec_seed = str(random.getrandbits(32))
    return [f"--spec-seed={config.option.spec_seed}"] if config.option.spec_seed else []
