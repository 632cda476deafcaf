"""One cluster with the operator for the whole run, and a namespace of its own for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from e2e.harness.cluster import Cluster, choose
from e2e.harness.kubectl import Kubectl
from e2e.installation import CODE_NAMESPACE, RESTRICTED, install_operator
from e2e.services import Services

IMPATIENT = "fetchTimeoutSeconds=20"
"""A value of the chart. No model here takes longer, and a store that stalls is to be given up in a
test's time: all three attempts of a Job, before its deadline, which is two minutes more."""
TABLES = pytest.StashKey[list[str]]()
"""What was measured, to be printed when all is done: output of fixtures is not shown."""


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for table in config.stash.get(TABLES, []):
        terminalreporter.write_line(table)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster with the operator. One that was up before is left up; else nothing is left."""
    found = choose()
    was_up = not found.problems()
    with found.reserved():
        found.up()
        install_operator(found, IMPATIENT)
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
    # Of its own name in every run: the namespace of an earlier one may still be terminating.
    namespace = f"e2e-{secrets.token_hex(3)}"
    kubectl("create", "namespace", namespace)
    # Everything the operator makes has to be admitted where nothing but this is.
    kubectl("label", "namespace", namespace, RESTRICTED)
    yield Services(cluster, kubectl, namespace)
    kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def coding(cluster: Cluster, kubectl: Kubectl) -> Iterator[Services]:
    """The namespace whose models may execute code."""
    kubectl("delete", "namespace", CODE_NAMESPACE, "--ignore-not-found", timeout_seconds=90)
    kubectl("create", "namespace", CODE_NAMESPACE)
    yield Services(cluster, kubectl, CODE_NAMESPACE)
    kubectl("delete", "namespace", CODE_NAMESPACE, "--wait=false")
