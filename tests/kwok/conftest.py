"""The farm: 200 nodes in five pools, and 100 services on them, once for all tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness.controlplane import ControlPlane
from tests.api import model_facts
from tests.api.client import Api
from tests.api.definitions import install_definitions
from tests.api.operator_process import OperatorProcess
from tests.kwok.farm import NAMESPACE, Farm, start_kwok, start_scheduler
from tests.kwok.kinds_of_nodes import KINDS
from tests.kwok.wishes import MODEL, WISHES
from triton_operator.manifests.model_profile import profile_of_facts


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """Nodes and pools are there, services are not yet."""
    with (
        ControlPlane(controller_manager=True) as plane,
        Api(plane.url, ca=plane.ca, cert=plane.admin_cert, key=plane.admin_key) as api,
    ):
        install_definitions(api)
        simulators = [start_scheduler(plane), start_kwok(plane)]
        operator = OperatorProcess(_operator_kubeconfig(plane), tmp_path_factory.mktemp("operator"))
        operator.start()
        try:
            farm = Farm(api, operator, simulators)
            for kind in KINDS:
                farm.add(kind)
            digest, facts = model_facts.digest(MODEL), model_facts.facts(MODEL)
            api.create(profile_of_facts(NAMESPACE, digest, facts))
            yield farm
        finally:
            operator.stop()
            for process in reversed(simulators):
                process.stop()


@pytest.fixture(scope="session")
def landed(farm: Farm) -> dict[str, str]:
    """Every service is created; where each of them has to be."""
    expected = {}
    for wish in WISHES:
        for service in wish.services(NAMESPACE):
            farm.api.create(service)
            expected[service["metadata"]["name"]] = wish.lands
    return expected


def _operator_kubeconfig(plane: ControlPlane) -> Path:
    return plane.client_kubeconfig("operator", "/O=system:masters/CN=operator")
