"""Two complete clusters with a link that can be cut: `cluster` is the hub's, `edge` a shop's."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from e2e.conftest import IMPATIENT
from e2e.fleet.membership import join, make_hub
from e2e.harness.cluster import Cluster
from e2e.harness.edge import EdgeCluster
from e2e.harness.kubectl import Kubectl
from e2e.harness.native import NativeCluster
from e2e.installation import RESTRICTED, install_operator
from e2e.services import Services

SHOP = "shop-1"
"""Name of the edge in the fleet."""


@dataclass(frozen=True)
class Fleet:
    """One namespace in both clusters: what the hub has in it, and what the edge has."""

    edge: EdgeCluster
    at_the_hub: Services
    at_the_edge: Services


@pytest.fixture(scope="session")
def hub(cluster: Cluster) -> NativeCluster:
    assert isinstance(cluster, NativeCluster), "the second cluster is a native one, as the first is"
    return cluster


@pytest.fixture(scope="session")
def edge(hub: NativeCluster) -> Iterator[EdgeCluster]:
    """The edge with the operator, and the link to it whole."""
    found = EdgeCluster(hub)
    with found.running():
        with found.inside():
            install_operator(found.cluster, IMPATIENT)
        yield found


@pytest.fixture(scope="session")
def joined(
    hub: NativeCluster, edge: EdgeCluster, tmp_path_factory: pytest.TempPathFactory
) -> EdgeCluster:
    """The edge, which has joined the fleet."""
    make_hub(hub, IMPATIENT)
    join(hub, edge, SHOP, tmp_path_factory.mktemp("join"), IMPATIENT)
    return edge


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


@pytest.fixture
def fleet(
    hub: NativeCluster, joined: EdgeCluster, at_the_edge: Services, kubectl: Kubectl
) -> Iterator[Fleet]:
    """The fleet, and a namespace of one name in both clusters."""
    kubectl("create", "namespace", at_the_edge.namespace)
    yield Fleet(joined, Services(hub, kubectl, at_the_edge.namespace), at_the_edge)
    kubectl("delete", "namespace", at_the_edge.namespace, "--wait=false")
