"""Clusters that are not heard of, by a clock that the test moves: states, and what then moves."""

from e2e.harness.controlplane import ControlPlane
from tests.fleet_hub.fleet import BEAT_SECONDS, Fleet
from triton_operator.api.enums import ConnectionState as State


def test_a_cluster_is_lost_step_by_step_and_comes_back(fleet: Fleet) -> None:
    member = fleet.connected("one")
    heard_at = fleet.clock.now
    seen = [fleet.state(member)]

    def watch(seconds: int, *beating: object) -> None:
        for _ in range(0, seconds, BEAT_SECONDS):
            fleet.go(BEAT_SECONDS, *((member,) if beating else ()))
            if (state := fleet.state(member)) is not seen[-1]:
                seen.append(state)
                times.append(int(fleet.clock.now - heard_at))

    times: list[int] = []
    watch(400)
    since = fleet.cluster_status(member)["lostSince"]
    watch(200, member)

    assert seen == [State.CONNECTED, State.SUSPECT, State.LOST, State.RECOVERING, State.CONNECTED]
    assert times == [60, 300, 410, 530]
    assert since == "2027-01-15T08:02:20Z", "the last heartbeat, by the hub's clock"
    assert "lostSince" not in fleet.cluster_status(member)
    assert fleet.condition("Connected", fleet.cluster_status(member))["status"] == "True"


def test_a_cluster_that_never_spoke_is_lost_and_gets_nothing(fleet: Fleet) -> None:
    member = fleet.cluster("one")
    fleet.service()
    fleet.hub.place()

    assert fleet.state(member) is State.LOST
    assert fleet.cluster_status(member)["connectionReason"] == "NeverConnected"
    assert fleet.work(member) is None
    placed = fleet.condition("Placed", fleet.service_status())
    assert (placed["status"], placed["reason"]) == ("False", "NoneFits")


def test_a_clock_that_is_put_forward_loses_nobody(fleet: Fleet) -> None:
    one, two = fleet.connected("one"), fleet.connected("two")
    flaps = fleet.cluster_status(one)["flaps"]

    fleet.clock.step(86_400)
    fleet.beat(one)
    fleet.hub.settle()

    assert [fleet.state(member) for member in (one, two)] == [State.CONNECTED, State.CONNECTED]
    assert fleet.cluster_status(one)["flaps"] == flaps


def test_a_link_that_flaps_moves_nothing(fleet: Fleet) -> None:
    edge, cloud = fleet.connected("edge"), fleet.connected("cloud", "Cloud")
    fleet.service()
    for member in (edge, cloud):
        fleet.await_work(member)
    fleet.report(edge, needReplicas="6", readyReplicas=4, capReplicas=4)
    fleet.report(cloud, needReplicas="1", readyReplicas=4, capReplicas=10)
    fleet.hub.place()
    before = fleet.work(edge), fleet.work(cloud)

    for _ in range(6):
        fleet.go(20, edge, cloud)
        fleet.hub.place()
        fleet.go(20, cloud)
        fleet.hub.place()
        assert fleet.state(edge) is State.CONNECTED

    assert (fleet.work(edge), fleet.work(cloud)) == before
    assert fleet.cluster_status(edge)["flaps"] >= 5


def test_what_a_lost_edge_had_elsewhere_stays_there(fleet: Fleet) -> None:
    edge, cloud = fleet.connected("edge"), fleet.connected("cloud", "Cloud")
    fleet.service()
    for member in (edge, cloud):
        fleet.await_work(member)
    fleet.report(edge, needReplicas="6", readyReplicas=4, capReplicas=4)
    fleet.report(cloud, needReplicas="1", readyReplicas=4, capReplicas=10)
    fleet.hub.place()
    before = fleet.work(cloud)

    fleet.go(330, cloud)
    fleet.hub.place()

    assert fleet.state(edge) is State.LOST
    assert fleet.work(cloud) == before
    rows = {row["name"]: row for row in fleet.service_status()["placement"]["clusters"]}
    assert rows[edge.cluster]["state"] == "Lost"
    assert rows[edge.cluster]["lastSpill"] == "2.4"
    assert fleet.work(edge), "nothing is taken away from who is not heard of"


def test_the_hubs_own_outage_is_no_silence_of_its_clusters(fleet: Fleet) -> None:
    member = fleet.connected("one")

    fleet.hub.stop()
    fleet.clock.now += 1000
    fleet.hub.start()
    fleet.hub.settle()
    assert fleet.state(member) is State.CONNECTED
    fleet.go(50)
    assert fleet.state(member) is State.CONNECTED
    fleet.go(20)

    assert fleet.state(member) is State.SUSPECT


def test_a_heartbeat_that_the_watch_missed_is_asked_for(fleet: Fleet) -> None:
    member = fleet.connected("one")
    # The watch of Leases is dead, and nobody has noticed.
    fleet.hub.deafen()
    for _ in range(12):
        fleet.clock.now += BEAT_SECONDS
        member.beat()
        fleet.hub.settle()

    assert fleet.state(member) is State.CONNECTED


def test_an_outage_of_the_hubs_api_server_is_no_silence_either(
    fleet: Fleet, hub_plane: ControlPlane
) -> None:
    """Agents cannot renew their Leases meanwhile, and it is not their fault."""
    member = fleet.connected("one")

    hub_plane.stop_apiserver()
    fleet.hub.await_outage()
    fleet.clock.now += 1000
    hub_plane.start_apiserver()
    fleet.hub.await_end_of_outage()
    fleet.hub.settle()
    assert fleet.state(member) is State.CONNECTED

    fleet.go(50)
    assert fleet.state(member) is State.CONNECTED
    fleet.go(20)
    assert fleet.state(member) is State.SUSPECT
