"""A hub that starts anew knows what was written down: times of losses, floors, weights."""

from tests.api.client import Object
from tests.fleet_hub.fleet import Fleet
from tests.fleet_hub.member import Member
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
    """Demand has fallen before the restart, and the floor is kept by the window alone."""
    edge, cloud = fleet.connected("edge"), fleet.connected("cloud", "Cloud")
    fleet.service(placement={"returnWindowSeconds": 400})
    for member in (edge, cloud):
        fleet.await_work(member)
    fleet.report(edge, needReplicas="6", readyReplicas=4, capReplicas=4)
    fleet.report(cloud, needReplicas="1", readyReplicas=4, capReplicas=10)
    fleet.hub.place()
    assert floor(fleet, cloud) == 4
    fleet.report(edge, needReplicas="1", readyReplicas=4, capReplicas=4)
    for _ in range(5):
        fleet.go(60, edge, cloud)
        fleet.hub.place()
    assert "granted" not in row(fleet, cloud), "nothing goes there any more"
    assert floor(fleet, cloud) == 4

    fleet.restart_hub()
    for _ in range(6):
        fleet.hub.place()
        assert floor(fleet, cloud) == 4
        fleet.go(60, edge, cloud)
    fleet.go(60, edge, cloud)
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
            "tier": "Edge",
            "priority": 0,
            "weightPercent": 60,
            "local": True,
        },
        {
            "cluster": cloud.cluster,
            "protocol": "HTTP",
            "url": "https://cloud.example",
            "tier": "Cloud",
            "priority": 1,
            "weightPercent": 40,
            "local": False,
        },
    ]

    fleet.go(70, cloud)
    assert fleet.state(edge) is State.SUSPECT
    fleet.restart_hub()
    fleet.hub.place()

    assert fleet.work(edge) == work


def test_a_hub_that_was_restored_from_a_backup_goes_on_above_what_members_have_applied(
    fleet: Fleet,
) -> None:
    one, other = fleet.connected("one"), fleet.connected("other")
    fleet.service()
    for member in (one, other):
        fleet.await_work(member)
        fleet.report(member, needReplicas="1")
    fleet.hub.place()
    before = {member.cluster: fleet.await_work(member)["spec"] for member in (one, other)}

    refused = fleet.await_work(one)
    refused["spec"]["revision"] += 40
    one.report(refused)
    fleet.hub.settle()
    fleet.hub.place()

    after = {member.cluster: fleet.await_work(member)["spec"] for member in (one, other)}
    assert after[one.cluster]["revision"] == before[one.cluster]["revision"] + 41
    assert after[one.cluster]["template"] == before[one.cluster]["template"]
    assert after[other.cluster] == before[other.cluster], "it has not overtaken its work"

    fleet.report(one, needReplicas="1")
    fleet.hub.place()
    assert fleet.await_work(one)["spec"] == after[one.cluster]
    assert fleet.service_status()["placement"]["revision"] == after[one.cluster]["revision"]


def test_a_member_that_names_the_highest_revision_leaves_the_others_theirs(fleet: Fleet) -> None:
    liar, other = fleet.connected("liar"), fleet.connected("other")
    fleet.service()
    for member in (liar, other):
        fleet.await_work(member)
        fleet.report(member, needReplicas="1")
    work = fleet.await_work(liar)
    liar.report({**work, "spec": {**work["spec"], "revision": 2**53 - 1}})
    fleet.hub.settle()
    fleet.hub.place()

    assert fleet.await_work(liar)["spec"]["revision"] == work["spec"]["revision"]
    synced = fleet.condition("Synced", fleet.service_status())
    assert "appliedRevision is 9007199254740991" in synced["message"]


def floor(fleet: Fleet, member: Member) -> int:
    """As its work says."""
    work = fleet.work(member)
    assert work
    return int(work["spec"]["template"]["scaling"]["minReplicas"])


def row(fleet: Fleet, member: Member) -> Object:
    """As the status says."""
    rows = fleet.service_status()["placement"]["clusters"]
    return next(one for one in rows if one["name"] == member.cluster)
