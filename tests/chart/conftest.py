"""One kube-apiserver for the tests of the chart: it gives the schemas and judges the objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.harness.controlplane import ControlPlane
from e2e.harness.foreign_crds import (
    CLUSTER_INVENTORY,
    EXTERNAL_DNS,
    PROMETHEUS,
    Source,
    foreign_crd,
)
from e2e.harness.waiting import wait_until
from tests.chart.kubectl import kubectl
from tests.chart.rendering import CHART
from tests.chart.schemas import published, write_schemas

OUR_VERSION = "apis/serving.triton-operator.io/v1alpha1"
MONITORING = "apis/monitoring.coreos.com/v1"


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    # As on OpenShift: who blocks an owner's deletion needs the right to set its finalizers.
    strict_owners = "--enable-admission-plugins=OwnerReferencesPermissionEnforcement"
    with ControlPlane(apiserver_flags=[strict_owners]) as running:
        yield running


@pytest.fixture(scope="session")
def installed_crds(control_plane: ControlPlane) -> None:
    """The CRDs of the chart, as an administrator installs them."""
    crds = str(CHART / "crds")
    applied = kubectl(control_plane, "apply", "--server-side", "--filename", crds)
    assert applied.returncode == 0, applied.stderr
    waited = kubectl(
        control_plane, "wait", "--for=condition=Established", "--timeout=60s", "--filename", crds
    )
    assert waited.returncode == 0, waited.stderr


@pytest.fixture(scope="session")
def monitoring_crds(control_plane: ControlPlane) -> None:
    """The kinds of the Prometheus Operator."""
    _install(control_plane, PROMETHEUS)


@pytest.fixture(scope="session")
def crds_of_others(control_plane: ControlPlane) -> None:
    """The kinds that a fleet's hub writes for others."""
    _install(control_plane, CLUSTER_INVENTORY)
    _install(control_plane, EXTERNAL_DNS)


def _install(control_plane: ControlPlane, source: Source) -> None:
    for plural in source.digests:
        file = ("--filename", str(foreign_crd(source, plural)))
        applied = kubectl(control_plane, "apply", "--server-side", *file)
        assert applied.returncode == 0, applied.stderr
        waited = kubectl(
            control_plane, "wait", "--for=condition=Established", "--timeout=60s", *file
        )
        assert waited.returncode == 0, waited.stderr


@pytest.fixture(scope="session")
def schema_location(
    control_plane: ControlPlane,
    installed_crds: None,
    monitoring_crds: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Where kubeconform finds the schemas of everything the server knows, our kinds included."""
    wait_until(
        "waiting for the schemas of our kinds to be published",
        lambda: {OUR_VERSION, MONITORING} <= set(published(control_plane)),
        timeout_seconds=60,
    )
    return write_schemas(control_plane, tmp_path_factory.mktemp("schemas"))
