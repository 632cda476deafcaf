"""A hub that starts anew knows what was written down: times of losses, floors, weights."""

from tests.fleet_hub.fleet import Fleet
from triton_operator.api.enums import ConnectionState as State


def test_the_time_of_a_loss_survives(fleet: Fleet) -> None:
    member = fleet.connected("one")
    fleet.go(200)
    assert fleet.state(member) is State.SUSPECT
    since = fleet.cluster_status(member)["lostSince"]

    fleet.restart_hub()
    fleet.go(90)
    assert fleet.state(member) is State.SUSPECT
    fleet.go(10)

    assert fleet.state(member) is State.LOST, "300 s after the loss, not after the restart"
    assert fleet.cluster_status(member)["lostSince"] == since


def test_floors_survive_and_shrink_only_after_a_whole_window(fleet: Fleet) -> None:
    edge, cloud = fleet.connected("edge"), fleet.connected("cloud", "Cloud")
    fleet.service(placement={"returnWindowSeconds": 300})
    for member in (edge, cloud):
        fleet.await_work(member)
    fleet.report(edge, needReplicas="6", readyReplicas=4, capReplicas=4)
    fleet.report(cloud, needReplicas="1", readyReplicas=4, capReplicas=10)
    fleet.hub.place()
    assert floor(fleet, cloud) == 4

    fleet.restart_hub()
    fleet.hub.place()
    assert floor(fleet, cloud) == 4, "what was granted is remembered"
    fleet.report(edge, needReplicas="1", readyReplicas=4, capReplicas=4)
    lowest = 4
    while fleet.clock.now < restarted_at(fleet) + 280:
        fleet.go(20, edge, cloud)
        fleet.hub.place()
        lowest = min(lowest, floor(fleet, cloud))
    assert lowest == 4

    for _ in range(20):
        fleet.go(30, edge, cloud)
        fleet.hub.place()
    assert floor(fleet, cloud) == 1


def test_weights_survive(fleet: Fleet) -> None:
    edge = fleet.connected("edge", dataPlane={"url": "https://edge.example"})
    cloud = fleet.connected("cloud", "Cloud", dataPlane={"url": "https://cloud.example"})
    fleet.service()
    for member in (edge, cloud):
        fleet.await_work(member)
    fleet.report(edge, needReplicas="6", readyReplicas=4, capReplicas=4)
    fleet.report(cloud, needReplicas="1", readyReplicas=8, capReplicas=10)
    fleet.hub.place()
    work = fleet.work(edge)
    assert work
    assert work["spec"]["routing"]["endpoints"] == [
        {
            "cluster": edge.cluster,
            "protocol": "HTTP",
            "url": "https://edge.example",
            "priority": 0,
            "weightPercent": 60,
        },
        {
            "cluster": cloud.cluster,
            "protocol": "HTTP",
            "url": "https://cloud.example",
            "priority": 1,
            "weightPercent": 40,
        },
    ]

    fleet.go(70, cloud)
    assert fleet.state(edge) is State.SUSPECT
    fleet.restart_hub()
    fleet.hub.place()

    assert fleet.work(edge) == work


def floor(fleet: Fleet, member: object) -> int:
    """As its work says."""
    work = fleet.work(member)  # type: ignore[arg-type]
    assert work
    return int(work["spec"]["template"]["scaling"]["minReplicas"])


def restarted_at(fleet: Fleet) -> float:
    """When the hub began."""
    return fleet.hub.began_at
