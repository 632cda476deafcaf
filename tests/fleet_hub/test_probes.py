"""Endpoints are asked by the hub itself: what they answer moves requests, and nothing else does."""

from tests.fleet_hub.endpoint import endpoint
from tests.fleet_hub.fleet import Fleet
from tests.fleet_hub.member import Member
from triton_operator.api.enums import ConnectionState as State


def healthy(fleet: Fleet, member: Member) -> tuple[str, str]:
    """Status and reason of DataPlaneHealthy."""
    row = fleet.condition("DataPlaneHealthy", fleet.cluster_status(member))
    return row["status"], row["reason"]


def share(fleet: Fleet, origin: Member, target: Member) -> int:
    """Percent of the origin's requests that go there."""
    work = fleet.work(origin)
    assert work
    endpoints = work["spec"]["routing"]["endpoints"]
    return sum(one["weightPercent"] for one in endpoints if one["cluster"] == target.cluster)


def test_requests_follow_the_endpoint(fleet: Fleet) -> None:
    with endpoint() as at_cloud:
        edge = fleet.connected("edge", dataPlane={"url": "http://127.0.0.1:1"})
        cloud = fleet.connected("cloud", "Cloud", dataPlane={"url": at_cloud.url})
        fleet.service()
        for member in (edge, cloud):
            fleet.await_work(member)
        fleet.report(edge, needReplicas="6", readyReplicas=4, capReplicas=4)
        fleet.report(cloud, needReplicas="1", readyReplicas=8, capReplicas=10)
        fleet.hub.probe()
        fleet.hub.place()
        assert healthy(fleet, cloud) == ("True", "Answers")
        assert share(fleet, edge, cloud) == 40

        at_cloud.status = 503
        fleet.hub.probe(2)
        fleet.hub.place()
        assert share(fleet, edge, cloud) == 40, "two probes may be lost"
        fleet.hub.probe()
        fleet.hub.place()
        assert healthy(fleet, cloud) == ("False", "SilentEndpoint")
        assert share(fleet, edge, cloud) == 0
        assert fleet.state(cloud) is State.CONNECTED

        at_cloud.status = 200
        fleet.hub.probe()
        fleet.hub.place()
        assert share(fleet, edge, cloud) == 40


def test_a_lost_cluster_whose_endpoint_answers_keeps_its_requests(fleet: Fleet) -> None:
    """Until another one is ready for them."""
    with endpoint() as at_cloud:
        edge = fleet.connected("edge", dataPlane={"url": "http://127.0.0.1:1"})
        cloud = fleet.connected("cloud-a", "Cloud", dataPlane={"url": at_cloud.url})
        spare = fleet.connected("cloud-b", "Cloud", dataPlane={"url": at_cloud.url})
        fleet.service()
        for member in (edge, cloud, spare):
            fleet.await_work(member)
        fleet.report(edge, needReplicas="6", readyReplicas=4, capReplicas=4)
        fleet.report(cloud, needReplicas="1", readyReplicas=8, capReplicas=10)
        fleet.report(spare, needReplicas="1", readyReplicas=1, capReplicas=10)
        fleet.hub.probe()
        fleet.hub.place()

        fleet.go(310, edge, spare)
        fleet.hub.place()
        assert fleet.state(cloud) is State.LOST
        assert share(fleet, edge, cloud) == 40, "nobody else is ready"

        fleet.report(spare, needReplicas="1", readyReplicas=4, capReplicas=10)
        fleet.hub.place()
        assert (share(fleet, edge, cloud), share(fleet, edge, spare)) == (0, 40)


def test_a_probe_has_no_credentials_and_goes_nowhere_else(fleet: Fleet) -> None:
    with endpoint() as one:
        one.status = 302
        member = fleet.connected("one", dataPlane={"url": one.url, "probePath": "/ready"})
        one.asked.clear()

        fleet.hub.probe(3)

        assert [path for path, _ in one.asked] == 3 * ["/ready"]
        for _, headers in one.asked:
            assert not {"authorization", "cookie"} & {name.lower() for name in headers}
        assert healthy(fleet, member) == ("False", "SilentEndpoint")


def test_without_an_address_nobody_knows(fleet: Fleet) -> None:
    member = fleet.connected("one")
    fleet.hub.probe(3)

    assert healthy(fleet, member) == ("Unknown", "NotProbed")
