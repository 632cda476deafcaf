"""DNSEndpoints, ClusterProfiles and PlacementDecisions at a real API server, under the definitions
of the releases that `e2e.harness.foreign_crds` pins: absent, installed while the hub runs, gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import yaml

from e2e.harness.foreign_crds import CLUSTER_INVENTORY, EXTERNAL_DNS, Source, foreign_crd
from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from tests.fleet_hub.fleet import Fleet
from triton_operator.api.group import API_VERSION
from triton_operator.fleet.mailbox import DELETED_BY

DNS = "externaldns.k8s.io/v1alpha1"
INVENTORY = "multicluster.x-k8s.io/v1alpha1"
REGION = "topology.kubernetes.io/region"
NAME = "vision.models.example"
Install = Callable[[Source], None]


def is_served(api: Api, source: Source, plural: str) -> bool:
    try:
        api.request("GET", f"/apis/{source.group}/v1alpha1/{plural}")
    except RefusedError as refusal:
        if refusal.code in (404, 429, 503):
            return False
        raise
    return True


@pytest.fixture
def install(hub_api: Api) -> Iterator[Install]:
    """Installs the kinds of somebody else; they are gone afterwards."""
    installed: list[tuple[Source, str, Object]] = []

    def install(source: Source) -> None:
        for plural in source.digests:
            path = foreign_crd(source, plural)
            definition: Object = yaml.safe_load(path.read_text(encoding="utf-8"))
            hub_api.create(definition)
            installed.append((source, plural, definition))
        wait_until(
            "the kinds to be known",
            lambda: all(is_served(hub_api, source, plural) for plural in source.digests),
            timeout_seconds=60,
        )

    yield install
    for source, plural, definition in installed:
        hub_api.delete(definition)
        wait_until(
            "the kind to be forgotten",
            lambda source=source, plural=plural: not is_served(hub_api, source, plural),
            timeout_seconds=60,
        )


def reason(fleet: Fleet, type_: str) -> tuple[str, str]:
    found = fleet.condition(type_, fleet.service_status())
    return found.get("status", ""), found.get("reason", "")


def test_a_name_leads_to_those_that_serve_once_external_dns_is_there(
    fleet: Fleet, install: Install
) -> None:
    edge = fleet.connected("edge", dataPlane={"url": "https://192.0.2.1"})
    cloud = fleet.connected("cloud", "Cloud", dataPlane={"url": "https://192.0.2.2"})
    service = fleet.service(placement={"dns": {"hostname": NAME}}, scaling={"maxReplicas": 9})
    for member in (edge, cloud):
        fleet.await_work(member)
        fleet.report(member, needReplicas="1", readyReplicas=1, capReplicas=9)
    fleet.hub.place()
    assert reason(fleet, "NamePublished") == ("False", "KindNotInstalled")

    install(EXTERNAL_DNS)
    fleet.hub.place()
    assert reason(fleet, "NamePublished") == ("True", "Published")
    made = fleet.beside(DNS, "DNSEndpoint", "vision")
    assert made
    record = {"dnsName": NAME, "recordType": "A", "recordTTL": 60}
    assert made["spec"]["endpoints"] == [{**record, "targets": ["192.0.2.1", "192.0.2.2"]}]
    assert made["metadata"]["ownerReferences"][0]["uid"] == service["metadata"]["uid"]
    assert "dns" not in str((fleet.work(edge) or {})["spec"]["template"]), "members need no name"

    weighted = {"placement": {"dns": {"weightProperty": "aws/weight"}}}
    fleet.api.merge(service, {"spec": weighted})
    fleet.hub.place()
    fleet.await_(
        "weights",
        lambda: (
            [
                (one.get("setIdentifier"), one["providerSpecific"][0]["value"])
                for one in (fleet.beside(DNS, "DNSEndpoint", "vision") or {})["spec"]["endpoints"]
                if "providerSpecific" in one
            ]
            == [(edge.cluster, "50"), (cloud.cluster, "50")]
        ),
    )

    fleet.api.merge(service, {"spec": {"placement": {"dns": None}}})
    fleet.await_("no record", lambda: fleet.beside(DNS, "DNSEndpoint", "vision") is None)
    fleet.hub.place()
    assert reason(fleet, "NamePublished") == ("", "")


def profile(fleet: Fleet, name: str, **properties: str) -> Object:
    """A ClusterProfile as a cluster manager makes it, in the services' namespace."""
    made = {
        "apiVersion": INVENTORY,
        "kind": "ClusterProfile",
        "metadata": {"name": name, "namespace": fleet.namespace},
        "spec": {"clusterManager": {"name": "somebody"}},
    }
    fleet.api.create(made)
    tell(fleet, made, **properties)
    return made


def tell(fleet: Fleet, made: Object, **properties: str) -> None:
    rows = [{"name": key.replace("_", "/"), "value": properties[key]} for key in properties]
    healthy = {
        "type": "ControlPlaneHealthy",
        "status": "True",
        "reason": "Fine",
        "message": "",
        "lastTransitionTime": "2026-11-20T10:00:00Z",
    }
    fleet.api.merge(made, {"status": {"properties": rows, "conditions": [healthy]}}, "status")


def test_an_inventory_says_where_services_go_and_learns_where_they_went(
    fleet: Fleet, install: Install
) -> None:
    region = "topology.kubernetes.io_region"
    install(CLUSTER_INVENTORY)
    its = profile(fleet, "inside", **{region: "eu"})
    profile(fleet, "outside", **{region: "us"})
    members = {
        name: fleet.connected(
            name,
            clusterProfile={"namespace": fleet.namespace, "name": name, "labels": [REGION]},
        )
        for name in ("inside", "outside")
    }
    fleet.hub.read_profiles()
    status = fleet.cluster_status(members["inside"])
    assert status["takenLabels"] == [{"key": REGION, "value": "eu"}]
    read = fleet.condition("ProfileRead", status)
    assert (read["status"], read["reason"]) == ("True", "LabelsTaken")
    assert "ControlPlaneHealthy=True" in read["message"]

    fleet.service(placement={"clusterSelector": {"matchLabels": {REGION: "eu"}}})
    fleet.await_work(members["inside"])
    fleet.hub.place()
    assert fleet.work(members["outside"]) is None
    assert reason(fleet, "DecisionPublished") == ("True", "Published")
    made = fleet.beside(INVENTORY, "PlacementDecision", "vision-0")
    assert made
    assert [one["clusterProfileRef"] for one in made["decisions"]] == [
        {"namespace": fleet.namespace, "name": "inside"}
    ]
    fleet.hub.place()
    again = fleet.beside(INVENTORY, "PlacementDecision", "vision-0")
    assert again == made, "whoever reads it acts on each change"

    # Nothing is taken away because something is not found.
    fleet.api.delete(its)
    fleet.hub.read_profiles()
    status = fleet.cluster_status(members["inside"])
    assert status["takenLabels"] == [{"key": REGION, "value": "eu"}]
    assert fleet.condition("ProfileRead", status)["reason"] == "ProfileNotFound"
    fleet.restart_hub()
    fleet.hub.read_profiles()
    fleet.hub.place()
    assert fleet.work(members["inside"]), "and a hub that starts anew knows it from the status"

    # What the profile itself says counts.
    profile(fleet, "inside", **{region: "us"})
    fleet.hub.read_profiles()
    fleet.await_("the service to leave", lambda: reason(fleet, "Placed") == ("False", "NoClusters"))


def test_a_cluster_whose_profile_cannot_be_there_says_so(fleet: Fleet) -> None:
    edge = fleet.connected("edge", clusterProfile={"namespace": "fleet", "name": "edge"})
    fleet.hub.read_profiles()

    read = fleet.condition("ProfileRead", fleet.cluster_status(edge))
    assert (read["status"], read["reason"]) == ("False", "KindNotInstalled")
    fleet.service()
    fleet.await_work(edge)
    fleet.hub.place()
    assert reason(fleet, "DecisionPublished") == ("", ""), "nobody has asked for decisions"


def test_a_label_that_moves_to_an_inventory_takes_nothing_away(
    fleet: Fleet, install: Install
) -> None:
    install(CLUSTER_INVENTORY)
    edge = fleet.connected("edge")
    cluster = {
        "apiVersion": API_VERSION,
        "kind": "InferenceCluster",
        "metadata": {"name": edge.cluster},
    }
    reference = {"namespace": fleet.namespace, "name": "edge", "labels": [REGION]}
    moved = {"metadata": {"labels": {REGION: None}}, "spec": {"clusterProfile": reference}}

    def it_runs() -> bool:
        fleet.hub.place()
        work = fleet.work(edge)
        return work is not None and "deletionTimestamp" not in work["metadata"]

    def read() -> str:
        status = fleet.cluster_status(edge)
        return str(fleet.condition("ProfileRead", status).get("reason"))

    fleet.api.merge(cluster, {"metadata": {"labels": {REGION: "eu"}}})
    fleet.service(placement={"clusterSelector": {"matchLabels": {REGION: "eu"}}})
    fleet.await_work(edge)

    fleet.api.merge(cluster, moved)
    fleet.await_("a look at the profile", lambda: read() == "ProfileNotFound")
    assert it_runs()
    (row,) = fleet.service_status()["placement"]["clusters"]
    assert f"has not said yet what its label {REGION} is" in row["reason"]
    its = profile(fleet, "edge")
    fleet.hub.read_profiles()
    assert read() == "ProfileEmpty"
    assert it_runs()
    work = fleet.work(edge) or {}
    fleet.api.delete(work)
    seen = fleet.hub.hub.known.works.objects
    place = edge.namespace, work["metadata"]["name"]
    fleet.await_("the hub to see it", lambda: "deletionTimestamp" in seen[place]["metadata"])
    assert not it_runs()
    left = (fleet.work(edge) or {})["metadata"]["annotations"]
    assert DELETED_BY not in left, "somebody has deleted it by hand, and the agent waits"

    # Its InferenceCluster is edited: the profile is read without waiting for the next minute.
    tell(fleet, its, **{REGION.replace("/", "_"): "eu"})
    fleet.api.merge(cluster, {"metadata": {"labels": {"team": "search"}}})
    fleet.await_("its labels", lambda: read() == "LabelsTaken")
    fleet.await_("the service to be selected", it_runs)
    (row,) = fleet.service_status()["placement"]["clusters"]
    assert "has not said" not in row["reason"]

    # It is made again, without the status in which they were, while the profile is gone.
    fleet.hub.stop()
    fleet.api.delete(its)
    fleet.api.delete(cluster)
    fleet.api.create({**cluster, "spec": {"tier": "Edge", "clusterProfile": reference}})
    fleet.hub.start()
    fleet.hub.settle()
    assert read() == "ProfileNotFound"
    assert it_runs()

    its = profile(fleet, "edge", zone="b")
    fleet.hub.read_profiles()
    assert not it_runs(), "it is there now, and does not give the label"
