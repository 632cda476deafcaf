"""The stage of the reconcile tests: a control plane with its controllers, an operator, a namespace.

They have a control plane of their own: the operator would act on what other tests create.
"""

import itertools
from collections.abc import Iterator

import pytest

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.api.audit import Audit
from tests.api.client import Api, RefusedError
from tests.api.definitions import install_definitions
from tests.api.operator_process import OperatorProcess
from tests.api.shop import Shop

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return Audit(tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="session")
def stage(audit: Audit) -> Iterator[ControlPlane]:
    """With kube-controller-manager: Deployments, Jobs and garbage collection are real."""
    with ControlPlane(controller_manager=True, apiserver_flags=audit.flags) as running:
        yield running


@pytest.fixture(scope="session")
def stage_api(stage: ControlPlane) -> Iterator[Api]:
    """The administrator, with this API's definitions served."""
    with Api(stage.url, ca=stage.ca, cert=stage.admin_cert, key=stage.admin_key) as api:
        install_definitions(api)
        yield api


@pytest.fixture(scope="session")
def only_operator(
    stage: ControlPlane, stage_api: Api, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    assert stage_api
    kubeconfig = stage.client_kubeconfig("operator", "/O=system:masters/CN=operator")
    operator = OperatorProcess(kubeconfig, tmp_path_factory.mktemp("operator"))
    yield operator
    operator.stop()


@pytest.fixture
def operator(only_operator: OperatorProcess) -> OperatorProcess:
    """Running, and not sweeping: what it does, it does because of a watch event."""
    only_operator.ensure()
    return only_operator


@pytest.fixture
def shop(stage_api: Api, operator: OperatorProcess) -> Iterator[Shop]:
    """A new namespace. Services and pools do not outlive the test: both concern later plans."""
    shop = new_shop(stage_api, operator, f"shop-{next(_numbers)}")
    yield shop
    had_nodes = bool(shop.all("Node"))
    for kind in ("InferenceService", "ServingPool", "Node"):
        _delete_all(stage_api, shop, kind)
    if had_nodes:
        # It remembers nodes that are gone for five minutes: the next test gets one without a past.
        operator.stop()


def new_shop(api: Api, operator: OperatorProcess, namespace: str) -> Shop:
    """A namespace of this name, in which pods can be made."""
    shop = Shop(api, operator, namespace)
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    wait_until(
        "waiting for the ServiceAccount that pods need",
        lambda: shop.find("ServiceAccount", "default") is not None,
        # After an outage, the controller manager comes back in steps of up to a minute.
        timeout_seconds=240,
    )
    return shop


def _delete_all(api: Api, shop: Shop, kind: str) -> None:
    for one in shop.all(kind):
        try:
            shop.delete(kind, one["metadata"]["name"])
        except RefusedError as refusal:
            if refusal.code != 404:
                raise
