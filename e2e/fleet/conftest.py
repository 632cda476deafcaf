"""Two complete clusters with a link that can be cut: `cluster` is the hub's, `edge` a shop's."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from e2e.autoscaling.stage import SMALL_FETCH
from e2e.conftest import IMPATIENT
from e2e.fleet.gateway import door
from e2e.fleet.membership import SECRET, join, make_hub
from e2e.harness import cgroups
from e2e.harness.cluster import Cluster
from e2e.harness.edge import EdgeCluster
from e2e.harness.kubectl import Kubectl
from e2e.harness.native import NativeCluster
from e2e.installation import CODE_NAMESPACE, NAMESPACE, RESTRICTED, install_operator
from e2e.services import Services

SHOP, CLOUD = "shop-1", "cloud-1"
"""Names in the fleet, of the edge and of the hub's own cluster."""
SHOP_PORT, CLOUD_PORT = 30080, 30081
"""Of their doors."""
SHOP_ZONE = "store-1"
"""Where data of the shop may be processed, and nowhere else."""
LOCAL = "-local"
"""Behind the name of each service in the clusters: the hub's own has one of that name already."""


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
            install_operator(found.cluster, IMPATIENT, SMALL_FETCH)
        yield found


@pytest.fixture(scope="session")
def joined(
    hub: NativeCluster, edge: EdgeCluster, tmp_path_factory: pytest.TempPathFactory
) -> EdgeCluster:
    """The edge, which has joined the fleet."""
    make_hub(hub, IMPATIENT, SMALL_FETCH)
    join(
        hub,
        edge.cluster,
        SHOP,
        tmp_path_factory.mktemp("join"),
        *(IMPATIENT, SMALL_FETCH),
        spec={
            "residencyZones": [SHOP_ZONE],
            "dataPlane": {"url": f"http://{door(edge.cluster.topology, SHOP_PORT)}"},
        },
        inside=edge.inside,
    )
    return edge


@pytest.fixture(scope="module")
def both(
    hub: NativeCluster, joined: EdgeCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """The hub's own cluster has joined too; the namespace is the one whose models may be code."""
    folder = tmp_path_factory.mktemp("join")
    join(
        hub,
        hub,
        CLOUD,
        folder,
        *(IMPATIENT, SMALL_FETCH, "hub.enabled=true"),
        spec={
            "tier": "Cloud",
            "targetNameSuffix": LOCAL,
            "dataPlane": {"url": f"http://{door(hub.topology, CLOUD_PORT)}"},
        },
    )
    # Requests go from one to the other where a service has one name in both.
    _suffix(hub, SHOP, LOCAL)
    at_the_hub = Services(hub, Kubectl(hub.kubeconfig), CODE_NAMESPACE)
    at_the_edge = Services(joined.cluster, Kubectl(joined.cluster.kubeconfig), CODE_NAMESPACE)
    fresh = ("delete", "namespace", CODE_NAMESPACE, "--ignore-not-found")
    at_the_hub.kubectl(*fresh, timeout_seconds=120)
    at_the_hub.kubectl("create", "namespace", CODE_NAMESPACE)
    with joined.inside():
        at_the_edge.kubectl(*fresh, timeout_seconds=120)
        at_the_edge.kubectl("create", "namespace", CODE_NAMESPACE)
    with (
        # Each pod stands for a machine of its own.
        cgroups.favoured(hub.topology.cgroup),
        cgroups.favoured(joined.cluster.topology.cgroup),
    ):
        yield Fleet(joined, at_the_hub, at_the_edge)
    # Works go while the agents are there to let them go.
    at_the_hub.kubectl("delete", "tisvc", "--all", "--wait=true")
    at_the_hub.kubectl("delete", "inferencecluster", CLOUD, "--wait=true")
    _suffix(hub, SHOP, "")
    at_the_hub.kubectl(*fresh, timeout_seconds=120)
    with joined.inside():
        at_the_edge.kubectl(*fresh, timeout_seconds=120)
    Kubectl(hub.kubeconfig)("-n", NAMESPACE, "delete", "secret", SECRET)
    make_hub(hub, IMPATIENT, SMALL_FETCH)


def _suffix(hub: NativeCluster, cluster: str, suffix: str) -> None:
    change = json.dumps({"spec": {"targetNameSuffix": suffix}})
    Kubectl(hub.kubeconfig)("patch", "inferencecluster", cluster, "--type=merge", "-p", change)


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
