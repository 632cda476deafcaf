"""A service of the fleet, on clusters that are heard of: works, bounds, a status that says why."""

import json

from tests.fleet_hub.fleet import Fleet
from triton_operator.client.endpoints import endpoints_in
from triton_operator.fleet.origin import ORIGIN, ORIGIN_UID
from triton_operator.fleet.works import APPLIED


def test_a_service_gets_a_work_in_each_cluster(fleet: Fleet) -> None:
    edge, cloud = fleet.connected("edge"), fleet.connected("cloud", "Cloud")
    silent = fleet.cluster("silent")

    service = fleet.service(scaling={"minReplicas": 1, "maxReplicas": 8})
    work = fleet.await_work(edge)
    fleet.await_work(cloud)
    fleet.hub.place()

    assert fleet.work(silent) is None, "a cluster that was never heard of gets nothing"
    assert work["spec"]["revision"] == 1
    assert work["spec"]["target"] == {"namespace": fleet.namespace, "name": "vision"}
    assert work["spec"]["template"]["scaling"]["maxReplicas"] == 8
    assert work["spec"]["template"]["scaling"]["minReplicas"] == 1
    assert "placement" not in work["spec"]["template"]
    assert "managedBy" not in work["spec"]["template"]
    assert work["metadata"]["finalizers"] == [APPLIED]
    kube_system = fleet.api.get(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
    )
    hub_id = kube_system["metadata"]["uid"]
    assert work["spec"]["hubID"] == hub_id
    assert work["metadata"]["labels"] == {
        ORIGIN: hub_id,
        ORIGIN_UID: service["metadata"]["uid"],
    }
    status = fleet.service_status()
    assert [row["name"] for row in status["placement"]["clusters"]] == [
        edge.cluster,
        silent.cluster,
        cloud.cluster,
    ]
    assert fleet.condition("Placed", status)["status"] == "True"
    synced = fleet.condition("Synced", status)
    assert (synced["status"], synced["reason"]) == ("False", "WaitsForClusters")


def test_demand_above_what_an_edge_can_do_goes_to_the_cloud(fleet: Fleet) -> None:
    edge, cloud = fleet.connected("edge"), fleet.connected("cloud", "Cloud")
    fleet.service(scaling={"maxReplicas": 10})
    for member in (edge, cloud):
        fleet.await_work(member)
    fleet.report(edge, needReplicas="6", readyReplicas=4, capReplicas=4)
    fleet.report(cloud, needReplicas="1", readyReplicas=1, capReplicas=10)
    fleet.hub.place()

    rows = {row["name"]: row for row in fleet.service_status()["placement"]["clusters"]}
    assert rows[cloud.cluster]["granted"] == "2.4"
    assert rows[cloud.cluster]["floor"] == 4, "its own one and 2.4 of the edge's"
    work = fleet.work(cloud)
    assert work
    assert work["spec"]["template"]["scaling"]["minReplicas"] == 4
    assert work["spec"]["revision"] > 1
    assert "go to others" in rows[edge.cluster]["reason"]


def test_nothing_is_written_where_nothing_changes(fleet: Fleet) -> None:
    edge = fleet.connected("edge")
    fleet.service()
    fleet.await_work(edge)
    fleet.report(edge, needReplicas="1.5", readyReplicas=2)
    fleet.hub.place()
    before = fleet.work(edge), fleet.service_status()

    for _ in range(3):
        fleet.clock.now += 30
        fleet.beat(edge)
        fleet.hub.place()

    assert (fleet.work(edge), fleet.service_status()) == before
    synced = fleet.condition("Synced", fleet.service_status())
    assert (synced["status"], synced["reason"]) == ("True", "InForce")


def test_an_edit_reaches_every_cluster(fleet: Fleet) -> None:
    edge = fleet.connected("edge")
    service = fleet.service()
    first = fleet.await_work(edge)

    fleet.api.merge(service, {"spec": {"model": {"uri": "https://models.example/n.onnx"}}})
    fleet.await_("the edit", lambda: fleet.work(edge) != first)

    work = fleet.work(edge)
    assert work
    assert work["spec"]["template"]["model"]["uri"] == "https://models.example/n.onnx"
    assert work["spec"]["revision"] == first["spec"]["revision"] + 1


def test_what_somebody_changed_in_a_work_is_put_back(fleet: Fleet) -> None:
    edge = fleet.connected("edge")
    fleet.service()
    work = fleet.await_work(edge)

    fleet.api.merge(work, {"spec": {"template": {"scaling": {"maxReplicas": 77}}}})
    fleet.hub.place()

    fleet.await_(
        "the work as it was",
        lambda: (fleet.work(edge) or {})["spec"]["template"] == work["spec"]["template"],
    )


def test_clients_find_endpoints_at_the_hub_and_in_each_work(fleet: Fleet) -> None:
    """Cut here: what an agent makes of the work's list is its own test."""
    urls = {name: f"https://{name}.example:8443" for name in ("edge", "cloud")}
    edge = fleet.connected("edge", dataPlane={"url": urls["edge"]})
    cloud = fleet.connected("cloud", "Cloud", dataPlane={"url": urls["cloud"]})
    service = fleet.service(
        scaling={"maxReplicas": 10},
        placement={"residency": {"localOnly": {"header": "x-data-class", "values": ["pii"]}}},
    )
    for member in (edge, cloud):
        fleet.await_work(member)
    fleet.report(edge, needReplicas="6", readyReplicas=4, capReplicas=4)
    fleet.report(cloud, needReplicas="1", readyReplicas=6, capReplicas=10)
    fleet.hub.place()

    work = fleet.work(edge)
    assert work
    here, there = work["spec"]["routing"]["endpoints"]
    assert (here["cluster"], here["local"], here["url"]) == (edge.cluster, True, urls["edge"])
    assert (there["cluster"], there["local"], there["url"]) == (
        cloud.cluster,
        False,
        urls["cloud"],
    )
    assert there["weightPercent"] == 40, "2.4 of 6"
    assert here["weightPercent"] + there["weightPercent"] == 100
    assert work["spec"]["routing"]["localOnly"] == {"header": "x-data-class", "values": ["pii"]}

    status = fleet.service_status()
    assert [
        (row["cluster"], row["url"], row["weightPercent"], row["local"])
        for row in status["endpoints"]
    ] == [(edge.cluster, urls["edge"], 40, False), (cloud.cluster, urls["cloud"], 60, False)]
    listed = fleet.endpoint_map()
    assert listed
    assert json.loads(listed["data"]["endpoints.json"])["endpoints"] == status["endpoints"]
    assert [one.cluster for one in endpoints_in(listed["data"]["endpoints.json"])] == [
        edge.cluster,
        cloud.cluster,
    ]
    (owner,) = listed["metadata"]["ownerReferences"]
    assert owner["uid"] == service["metadata"]["uid"]
    assert "blockOwnerDeletion" not in owner, "it needs a right that the hub does not have"
    assert fleet.condition("EndpointsListed", status)["reason"] == "Listed"


def test_a_list_that_is_somebody_elses_is_left_alone(fleet: Fleet) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "vision-endpoints", "namespace": fleet.namespace},
        "data": {"endpoints.json": "theirs"},
    }
    fleet.api.create(theirs)
    edge = fleet.connected("edge", dataPlane={"url": "https://edge.example"})
    fleet.service()
    fleet.await_work(edge)
    fleet.hub.place()

    listed = fleet.endpoint_map()
    assert listed
    assert listed["data"] == theirs["data"]
    found = fleet.condition("EndpointsListed", fleet.service_status())
    assert (found["status"], found["reason"]) == ("False", "ListNotWritten")
    assert "belongs to somebody else" in found["message"]


def test_without_addresses_a_list_is_empty_and_says_so(fleet: Fleet) -> None:
    edge = fleet.connected("edge")
    fleet.service()
    fleet.await_work(edge)
    fleet.hub.place()

    listed = fleet.endpoint_map()
    assert listed
    assert json.loads(listed["data"]["endpoints.json"]) == {"endpoints": []}
    found = fleet.condition("EndpointsListed", fleet.service_status())
    assert (found["status"], found["reason"]) == ("False", "NoAddresses")


def test_a_cluster_outside_of_the_zones_gets_nothing(fleet: Fleet) -> None:
    inside = fleet.connected("inside", residencyZones=["eu"])
    outside = fleet.connected("outside", residencyZones=["us"])
    fleet.service(placement={"residency": {"zones": ["eu"]}})
    fleet.await_work(inside)
    fleet.hub.place()

    assert fleet.work(outside) is None
    rows = {row["name"]: row for row in fleet.service_status()["placement"]["clusters"]}
    assert rows[outside.cluster]["ceiling"] == 0
    assert "none of the zones" in rows[outside.cluster]["reason"]


def test_a_service_without_clusters_says_so(fleet: Fleet) -> None:
    fleet.service(placement={"clusterNames": ["nowhere"]})
    fleet.await_("the status", lambda: "conditions" in fleet.service_status())

    placed = fleet.condition("Placed", fleet.service_status())
    assert (placed["status"], placed["reason"]) == ("False", "NoClusters")
