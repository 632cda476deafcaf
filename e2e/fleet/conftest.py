"""Two complete clusters with a link that can be cut: `cluster` is the hub's, `edge` a shop's."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from e2e.conftest import IMPATIENT
from e2e.harness.cluster import Cluster
from e2e.harness.edge import EdgeCluster
from e2e.harness.kubectl import Kubectl
from e2e.harness.native import NativeCluster
from e2e.installation import RESTRICTED, install_operator
from e2e.services import Services


@pytest.fixture(scope="session")
def edge(cluster: Cluster) -> Iterator[EdgeCluster]:
    """The edge with the operator, and the link to it whole."""
    assert isinstance(cluster, NativeCluster), "the second cluster is a native one, as the first is"
    found = EdgeCluster(cluster)
    with found.running():
        with found.inside():
            install_operator(found.cluster, IMPATIENT)
        yield found


@pytest.fixture
def at_the_edge(edge: EdgeCluster) -> Iterator[Services]:
    """InferenceServices in a fresh namespace of the edge; used within `edge.inside()`."""
    namespace = f"e2e-{secrets.token_hex(3)}"
    with edge.inside():
        kubectl = Kubectl(edge.cluster.kubeconfig)
        kubectl("create", "namespace", namespace)
        kubectl("label", "namespace", namespace, RESTRICTED)
    yield Services(edge.cluster, kubectl, namespace)
    with edge.inside():
        kubectl("delete", "namespace", namespace, "--wait=false")
