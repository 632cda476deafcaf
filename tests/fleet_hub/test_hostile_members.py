"""A member that tells what cannot be: it is not used, and people are told."""

import json

import pytest
import requests

from tests.api.client import Object, RefusedError
from tests.fleet_hub.fleet import Fleet
from tests.fleet_hub.member import Member
from triton_operator.api.enums import ConnectionState as State


@pytest.mark.parametrize(
    ("load", "words"),
    [
        pytest.param({"needReplicas": "999999999"}, "needReplicas is 1e+09", id="demand"),
        pytest.param(
            {"needReplicas": "1", "safeRatePerReplica": "0.000000001"},
            "safeRatePerReplica is 1e-09",
            id="rate",
        ),
    ],
)
def test_absurd_numbers_are_refused_and_told(
    fleet: Fleet, load: dict[str, str], words: str
) -> None:
    edge, cloud = fleet.connected("edge"), fleet.connected("cloud", "Cloud")
    fleet.service()
    for member in (edge, cloud):
        fleet.await_work(member)
    fleet.report(edge, needReplicas="2", readyReplicas=2, capReplicas=4)
    fleet.report(cloud, needReplicas="1", readyReplicas=1, capReplicas=10)
    fleet.hub.place()
    before = specs(fleet, edge, cloud)

    fleet.report(edge, readyReplicas=4, capReplicas=4, **load)
    for _ in range(10):
        fleet.go(30, edge, cloud)
        fleet.hub.place()

    assert specs(fleet, edge, cloud) == before
    synced = fleet.condition("Synced", fleet.service_status())
    assert (synced["status"], synced["reason"]) == ("False", "AbsurdReport")
    assert words in synced["message"]
    rows = {row["name"]: row for row in fleet.service_status()["placement"]["clusters"]}
    assert rows[edge.cluster]["need"] == "2", "what it told before stays"


def specs(fleet: Fleet, *members: Member) -> list[Object]:
    """Of their works."""
    return [(fleet.work(member) or {})["spec"] for member in members]


def test_the_api_server_refuses_what_has_no_bound(fleet: Fleet) -> None:
    """Each differs by one value from what is taken."""
    member = fleet.connected("one")
    fleet.service()
    name = fleet.await_work(member)["metadata"]["name"]
    load = {"readyReplicas": 1, "capReplicas": 1, "observedAt": "2001-01-01T00:00:00Z"}
    endpoint = {"protocol": "HTTP", "url": "https://one.example"}
    taken = {"sequence": 1, "appliedMaxReplicas": 4, "load": load, "endpoints": [endpoint]}
    member.write_status(name, taken)

    for field, change in (
        ("status.load.readyReplicas", {"load": {**load, "readyReplicas": 10**9}}),
        ("status.load.observedAt", {"load": {**load, "observedAt": "now"}}),
        ("status.load.needReplicas", {"load": {**load, "needReplicas": "1e9"}}),
        ("status.appliedMaxReplicas", {"appliedMaxReplicas": 10**9}),
        ("status.sequence", {"sequence": 2**60}),
        (
            "status.endpoints[0].url",
            {"endpoints": [{**endpoint, "url": "https://" + "x" * 600}]},
        ),
    ):
        with pytest.raises(RefusedError) as refusal:
            member.write_status(name, {**taken, **change})
        assert refusal.value.code == 422
        # "<nil>" stands for rules that are not asked where types are wrong.
        assert {cause for cause, _ in refusal.value.causes} - {"<nil>"} == {field}


def test_ten_megabytes_of_status_are_refused_and_half_a_megabyte_holds_up_nobody(
    fleet: Fleet,
) -> None:
    edge, cloud = fleet.connected("edge"), fleet.connected("cloud", "Cloud")
    fleet.service()
    name = fleet.await_work(edge)["metadata"]["name"]
    fleet.await_work(cloud)

    def conditions(size: int) -> list[Object]:
        times = {"lastTransitionTime": "2001-01-01T00:00:00Z", "reason": "Hostile"}
        return [
            {"type": f"Kind{n}", "status": "True", "message": "x" * size, **times}
            for n in range(16)
        ]

    # The API server may hang up before it has read all of it.
    with pytest.raises((RefusedError, requests.ConnectionError)):
        edge.write_status(name, {"sequence": 1, "conditions": conditions(10 * 2**20 // 16)})
    assert "conditions" not in (fleet.work(edge) or {}).get("status", {})

    edge.write_status(name, {"sequence": 2, "conditions": conditions(32_768)})
    fleet.report(cloud, needReplicas="3", readyReplicas=3, capReplicas=10)
    fleet.go(30, edge, cloud)
    fleet.hub.place()
    rows = {row["name"]: row for row in fleet.service_status()["placement"]["clusters"]}
    assert rows[cloud.cluster]["need"] == "3", "others are placed"


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        pytest.param({"agent_version": "v" * 100_000}, "agent-version", id="a huge string"),
        pytest.param({"network": "{" * 5000}, "network", id="no JSON"),
        pytest.param(
            {"network": json.dumps({"rttMilliseconds": -5, "measuredAt": "2001-01-01T00:00:00Z"})},
            "rttMilliseconds",
            id="a negative way",
        ),
        pytest.param(
            {"network": '{"measuredAt":"x"}'}, "measuredAt is no time", id="a time that is none"
        ),
        pytest.param(
            {
                "capacity": json.dumps(
                    [{"resource": f"a{n}", "allocatable": "1"} for n in range(99)]
                )
            },
            "99 resources",
            id="too many resources",
        ),
    ],
)
def test_a_lease_with_nonsense_is_a_heartbeat_all_the_same(
    fleet: Fleet, annotations: dict[str, str], words: str
) -> None:
    member = fleet.connected("one")

    fleet.clock.now += 10
    fleet.beat(member, **annotations)
    fleet.hub.settle()

    status = fleet.cluster_status(member)
    assert fleet.state(member) is State.CONNECTED
    told = fleet.condition("ReportsAccepted", status)
    assert (told["status"], told["reason"]) == ("False", "AbsurdReport")
    assert words in told["message"]
    assert "agentVersion" not in status


def test_what_fits_is_shown(fleet: Fleet) -> None:
    member = fleet.connected("one")
    network = {"rttMilliseconds": 38, "measuredAt": "2001-01-01T00:00:00Z", "peers": []}

    fleet.clock.now += 10
    fleet.beat(
        member,
        agent_version="1.2.3",
        network=json.dumps(network),
        capacity='[{"resource":"cpu","allocatable":"64"}]',
    )
    fleet.hub.settle()

    status = fleet.cluster_status(member)
    assert status["agentVersion"] == "1.2.3"
    assert status["network"]["rttMilliseconds"] == 38
    assert status["capacity"] == [{"resource": "cpu", "allocatable": "64"}]
    assert fleet.condition("ReportsAccepted", status)["status"] == "True"
