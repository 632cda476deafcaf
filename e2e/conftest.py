"""One cluster with the operator for the whole run, and a namespace of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from e2e.harness.cluster import Cluster, choose
from e2e.harness.kubectl import Kubectl
from e2e.installation import install_operator
from e2e.services import Services

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster with the operator. One that was up before is left up; else nothing is left."""
    found = choose()
    was_up = not found.problems()
    with found.reserved():
        found.up()
        install_operator(found)
        yield found
    if not was_up:
        # Verifies by itself that no process, mount, route, address or cgroup is left.
        found.down()


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    return Kubectl(cluster.kubeconfig)


@pytest.fixture
def services(
    cluster: Cluster, kubectl: Kubectl, request: pytest.FixtureRequest
) -> Iterator[Services]:
    """InferenceServices in a fresh namespace, which is removed afterwards."""
    namespace = f"e2e-{next(_numbers)}"
    kubectl("delete", "namespace", namespace, "--ignore-not-found", timeout_seconds=120)
    kubectl("create", "namespace", namespace)
    made = Services(cluster, kubectl, namespace)
    yield made
    kubectl("delete", "namespace", namespace, timeout_seconds=120)
