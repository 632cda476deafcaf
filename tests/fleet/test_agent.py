"""The agent between two real API servers, with its own rights and no others."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.client import Object, RefusedError
from tests.api.definitions import install_definitions
from tests.fleet.real_fleet import RealFleet
from tests.fleet.works import HUB, OTHER_HUB

REPOSITORY = Path(__file__).parents[2]
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "inferenceservices.serving.triton-operator.io"},
}
FLEET = "fleet.serving.triton-operator.io"


def applied(fleet: RealFleet) -> None:
    """The usual beginning."""
    fleet.put_work()
    fleet.until_condition("True", "InForce")


def test_a_work_becomes_a_service_and_its_state_is_told(fleet: RealFleet) -> None:
    applied(fleet)
    service = fleet.service()
    assert service is not None

    assert service["metadata"]["labels"][f"{FLEET}/origin"] == HUB
    assert service["metadata"]["annotations"][f"{FLEET}/mailbox"] == fleet.mailbox
    assert service["spec"]["managedBy"] == "serving.triton-operator.io/operator"
    assert service["spec"]["scaling"]["maxReplicas"] == 4
    managers = {(one["manager"], one["operation"]) for one in service["metadata"]["managedFields"]}
    assert managers == {("fleet-agent", "Apply")}
    assert fleet.condition("Available") == ("Unknown", "NotObserved")
    assert (fleet.status()["appliedRevision"], fleet.status()["appliedMaxReplicas"]) == (1, 4)

    fleet.merge_service(
        {
            "status": {
                "observedGeneration": 1,
                "readyReplicas": 2,
                "desiredReplicas": 4,
                "autoscaling": {
                    "arrivalsPerSecond": "540",
                    "safeRatePerReplica": "100",
                    "metrics": "Fresh",
                },
                "conditions": [
                    {
                        "type": "Available",
                        "status": "True",
                        "reason": "ReplicasStarting",
                        "message": "two of four",
                        "lastTransitionTime": "2026-11-23T00:00:00Z",
                    }
                ],
            }
        },
        "status",
    )
    fleet.until_condition("True", "ReplicasStarting", "Available")
    load = fleet.status()["load"]

    assert load.pop("observedAt")
    assert load == {
        "needReplicas": "5.400",
        "readyReplicas": 2,
        "capReplicas": 4,
        "arrivalsPerSecond": "540",
        "safeRatePerReplica": "100",
    }


def test_a_new_revision_is_applied_an_edit_taken_back_and_a_lower_one_refused(
    fleet: RealFleet,
) -> None:
    applied(fleet)
    fleet.put_work(revision=5, most=7)
    fleet.until("revision 5", lambda: fleet.status().get("appliedRevision") == 5)
    assert fleet.most() == 7

    fleet.merge_service({"spec": {"scaling": {"maxReplicas": 30}}})
    fleet.until("the edit to be taken back", lambda: fleet.most() == 7)

    fleet.put_work(revision=4, most=9)
    fleet.until_condition("False", "StaleRevision")
    assert (fleet.most(), fleet.status()["appliedRevision"]) == (7, 5)


def test_where_requests_go_is_noted_on_the_service_and_put_back(fleet: RealFleet) -> None:
    rows = [
        {"cluster": "store-1", "protocol": "HTTP", "weightPercent": 80, "local": True},
        {"cluster": "cloud-1", "protocol": "HTTP", "url": "https://cloud-1", "weightPercent": 20},
    ]
    fleet.put_work(routing={"endpoints": rows})
    fleet.until_condition("True", "InForce")
    noted = fleet.note("routing")
    assert noted
    for asked, told in zip(rows, json.loads(noted)["endpoints"], strict=True):
        assert asked.items() <= told.items()

    fleet.merge_service({"metadata": {"annotations": {f"{FLEET}/routing": "elsewhere"}}})
    fleet.until("the note to be put back", lambda: fleet.note("routing") == noted)
    fleet.put_work(revision=2)
    fleet.until("no note", lambda: fleet.note("routing") is None)


def test_what_the_work_does_not_name_is_the_members(fleet: RealFleet) -> None:
    applied(fleet)
    fleet.merge_service({"spec": {"objective": {"latency": {"milliseconds": 90}}}})
    fleet.put_work(revision=2, most=7)
    fleet.until("revision 2", lambda: fleet.status().get("appliedRevision") == 2)
    service = fleet.service()

    assert service is not None
    assert service["spec"]["objective"]["latency"]["milliseconds"] == 90
    assert service["spec"]["scaling"]["maxReplicas"] == 7


def test_another_hub_holds_until_it_is_accepted(fleet: RealFleet) -> None:
    applied(fleet)
    fleet.put_work(hub_id=OTHER_HUB, most=9)
    fleet.until_condition("False", "HubChanged")
    assert fleet.most() == 4

    fleet.merge_service({"metadata": {"annotations": {f"{FLEET}/accept-hub": OTHER_HUB}}})
    fleet.until_condition("True", "InForce")
    assert fleet.most() == 9


def test_a_service_of_nobody_is_left_alone(fleet: RealFleet) -> None:
    before = fleet.member.api.create(
        {
            "apiVersion": "serving.triton-operator.io/v1alpha1",
            "kind": "InferenceService",
            "metadata": {"name": "vision", "namespace": fleet.namespace},
            "spec": {"model": {"uri": "https://models.example/other.onnx"}},
        }
    )
    fleet.put_work()
    fleet.until_condition("False", "NotOwned")

    assert fleet.service() == before


def test_a_missing_namespace_is_said(fleet: RealFleet) -> None:
    name = f"{fleet.namespace}-later"
    fleet.put_work(namespace=name)
    fleet.until_condition("False", "NamespaceMissing")
    fleet.member.make_namespace(name)
    fleet.until_condition("True", "InForce")


def test_a_field_that_the_member_does_not_know_is_said(fleet: RealFleet) -> None:
    """As of a hub that is newer than the member."""
    definition = fleet.member.api.get(DEFINITION)
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    known = schema["properties"]["spec"]["properties"].pop("measurement")
    fleet.member.api.replace(definition)
    try:
        _until_measurement(fleet, known=False)
        fleet.put_work()
        fleet.until_condition("False", "ApplyRefused")
        row = next(one for one in fleet.status()["conditions"] if one["type"] == "Applied")
        assert ".spec.measurement: field not declared in schema" in row["message"]
    finally:
        definition = fleet.member.api.get(DEFINITION)
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        schema["properties"]["spec"]["properties"]["measurement"] = known
        fleet.member.api.replace(definition)
        _until_measurement(fleet, known=True)
    fleet.until_condition("True", "InForce")


def _until_measurement(fleet: RealFleet, *, known: bool) -> None:
    """Wait until the member's API server goes by its new definition."""
    service = {
        "apiVersion": "serving.triton-operator.io/v1alpha1",
        "kind": "InferenceService",
        "metadata": {"name": "probe", "namespace": fleet.namespace},
        "spec": {"model": {"uri": "https://models.example/a.onnx"}, "measurement": {}},
    }

    def is_so() -> bool:
        try:
            fleet.member.api.create(service, dry_run=True)
        except RefusedError:
            return not known
        return known

    fleet.until("the definition", is_so)


def test_a_deleted_work_takes_its_service_with_it(fleet: RealFleet) -> None:
    applied(fleet)
    fleet.delete_work()
    fleet.until_condition("False", "Deleted")

    assert fleet.service() is None
    assert fleet.work() is not None


def test_a_work_that_is_gone_is_waited_for_an_hour(fleet: RealFleet) -> None:
    applied(fleet)
    fleet.until("the Lease to name the hub", lambda: _annotation(fleet, "hub-id") == HUB)
    fleet.delete_work(finalizer=False)
    fleet.until("the absence to be noted", lambda: _absent_seconds(fleet) is not None)
    fleet.clock_offset = 7200.0
    _let_it_look(fleet)
    assert fleet.service() is not None

    fleet.stop()
    fleet.grace_seconds = 0.0
    fleet.start()
    fleet.until("the service to go", lambda: fleet.service() is None)


def test_a_work_that_somebody_else_deletes_is_waited_for_an_hour(fleet: RealFleet) -> None:
    applied(fleet)
    fleet.until("the Lease to name the hub", lambda: _annotation(fleet, "hub-id") == HUB)
    fleet.delete_work(by_hub=False)
    fleet.until_condition("False", "DeletedByAnother")
    fleet.until("the absence to be noted", lambda: _absent_seconds(fleet) is not None)
    fleet.clock_offset = 7200.0
    _let_it_look(fleet)
    assert fleet.service() is not None

    fleet.stop()
    fleet.grace_seconds = 0.0
    fleet.start()
    fleet.until_condition("False", "Deleted")

    assert fleet.service() is None


def test_the_heartbeat_tells_of_the_cluster(fleet: RealFleet) -> None:
    fleet.until("a heartbeat", lambda: fleet.lease() is not None)
    lease = fleet.lease()
    assert lease is not None
    network = json.loads(lease["metadata"]["annotations"][f"{FLEET}/network"])

    assert lease["spec"]["holderIdentity"].startswith("fleet-agent/")
    assert 0 <= network["rttMilliseconds"] < 60_000
    _let_it_look(fleet)


def test_places_are_counted_on_the_nodes(fleet: RealFleet) -> None:
    applied(fleet)
    fleet.stop()
    for document in (NODE, deployment(fleet.namespace)):
        fleet.member.api.create(document)
    fleet.member.api.merge(NODE, NODE, "status")
    fleet.merge_service({"status": {"observedGeneration": 1, "readyReplicas": 0}}, "status")
    fleet.start()
    fleet.until("places", lambda: fleet.status().get("load", {}).get("capReplicas") == 3)
    fleet.until("the capacity", lambda: _annotation(fleet, "capacity") is not None)

    assert {"resource": "cpu", "allocatable": "4"} in json.loads(
        _annotation(fleet, "capacity") or ""
    )


def test_a_member_that_forgets_the_kind_says_so_and_learns_it_again(fleet: RealFleet) -> None:
    applied(fleet)
    definition = fleet.member.api.get(DEFINITION)
    fleet.member.api.delete(DEFINITION)
    fleet.until_condition("False", "KindMissing")

    assert "appliedRevision" not in fleet.status()

    install_definitions(fleet.member.api, only=definition["metadata"]["name"])
    fleet.until_condition("True", "InForce")


def test_the_agent_is_a_command(fleet: RealFleet, tmp_path: Path) -> None:
    fleet.stop()
    fleet.put_work()
    log = tmp_path / "agent.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "triton_operator.cli.main", "agent"),
                f"--hub-kubeconfig={fleet.hub_kubeconfig}",
                f"--kubeconfig={fleet.member_kubeconfig}",
                f"--mailbox={fleet.mailbox}",
                "--log-format=json",
            ],
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")},
        )
    try:
        fleet.until_condition("True", "InForce")
        process.terminate()
        code = process.wait(30)
    finally:
        process.kill()
        process.wait()

    assert code == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["step"] for line in lines if "step" in line] == ["Create"]
    assert {line["level"] for line in lines} == {"info"}


NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node-1", "labels": {"kubernetes.io/os": "linux"}},
    "status": {
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


def deployment(namespace: str) -> Object:
    """As the operator makes it, of a replica that takes 1.2 cores."""
    label = {"serving.triton-operator.io/service": "vision"}
    container = {"name": "t", "image": "t", "resources": {"requests": {"cpu": "1200m"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "vision-cpu", "namespace": namespace, "labels": label},
        "spec": {
            "selector": {"matchLabels": label},
            "template": {"metadata": {"labels": label}, "spec": {"containers": [container]}},
        },
    }


def test_a_hub_that_takes_connections_and_never_answers_changes_nothing(
    fleet: RealFleet, caplog: pytest.LogCaptureFixture
) -> None:
    applied(fleet)
    before = fleet.service()
    assert before is not None
    caplog.clear()
    os.kill(fleet.hub.plane.apiserver_pid, signal.SIGSTOP)
    try:
        fleet.until("the agent to wait", lambda: "An API server cannot be used" in caplog.text)
        after = fleet.service()
    finally:
        os.kill(fleet.hub.plane.apiserver_pid, signal.SIGCONT)

    assert after is not None
    assert after == before
    fleet.put_work(revision=2, most=9)
    fleet.until("revision 2", lambda: fleet.status().get("appliedRevision") == 2)


def test_a_hub_that_is_gone_changes_nothing_and_is_obeyed_when_it_is_back(
    fleet: RealFleet, caplog: pytest.LogCaptureFixture
) -> None:
    applied(fleet)
    before = fleet.service()
    fleet.hub.plane.stop_apiserver(kill=True)
    try:
        # Another agent, which has never seen the hub.
        fleet.stop()
        fleet.grace_seconds = 0.0
        fleet.start()
        caplog.clear()
        fleet.until("the agent to wait", lambda: "An API server cannot be used" in caplog.text)
        fleet.merge_service({"metadata": {"annotations": {"note": "1"}}})
        after = fleet.service()
        assert before is not None
        assert after is not None
        assert after["spec"] == before["spec"]
        assert f"{FLEET}/absent-seconds" not in after["metadata"]["annotations"]
    finally:
        fleet.hub.plane.start_apiserver()
    fleet.put_work(revision=2, most=9)
    fleet.until("revision 2", lambda: fleet.status().get("appliedRevision") == 2)

    assert fleet.most() == 9


def _absent_seconds(fleet: RealFleet) -> str | None:
    service = fleet.service()
    assert service is not None
    found: str | None = service["metadata"]["annotations"].get(f"{FLEET}/absent-seconds")
    return found


def _annotation(fleet: RealFleet, name: str) -> str | None:
    lease = fleet.lease()
    return lease and lease["metadata"]["annotations"].get(f"{FLEET}/{name}")


def _let_it_look(fleet: RealFleet) -> None:
    """Wait for some heartbeats, and as many looks."""
    for _ in range(3):
        seen = fleet.lease()
        fleet.until("a heartbeat", lambda seen=seen: fleet.lease() != seen)
