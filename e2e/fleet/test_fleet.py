"""A hub places a service on an edge; the link is cut; the edge goes on, and is heard again."""

from __future__ import annotations

from typing import Any

from e2e.fleet.conftest import SHOP, Fleet
from e2e.harness.waiting import wait_until
from e2e.sample_files import magika_model
from e2e.test_serving import assert_answers

FLEET = "serving.triton-operator.io/fleet"
LONGEST_SECONDS = 120


def state_of(fleet: Fleet) -> str:
    found = fleet.at_the_hub.get("inferencecluster", SHOP)
    return str(found.get("status", {}).get("connectionState", ""))


def wait_for_state(fleet: Fleet, state: str) -> None:
    wait_until(
        f"{SHOP} to be {state}", lambda: state_of(fleet) == state, timeout_seconds=LONGEST_SECONDS
    )


def place(fleet: Fleet, name: str) -> None:
    """A service for the edge, whose model is there already."""
    with fleet.edge.inside():
        fleet.at_the_edge.place("models", {"magika/model.onnx": magika_model()})
    fleet.at_the_hub.apply(
        name,
        managedBy=FLEET,
        model={"uri": "pvc://models/magika/model.onnx"},
        placement={"clusterNames": [SHOP]},
    )


def pods_at_the_edge(fleet: Fleet, name: str) -> dict[str, Any]:
    found = fleet.at_the_edge.every("pods", name)
    return {one["metadata"]["uid"]: one["metadata"]["name"] for one in found}


def test_a_service_of_the_fleet_is_served_at_its_edge_whatever_becomes_of_the_link(
    fleet: Fleet,
) -> None:
    wait_for_state(fleet, "Connected")
    place(fleet, "filetype")

    with fleet.edge.inside():
        fleet.at_the_edge.wait_until_there("filetype")
        fleet.at_the_edge.wait_for("filetype", "Ready", "True")
        assert_answers(fleet.at_the_edge, "filetype")
        before = pods_at_the_edge(fleet, "filetype")
    fleet.at_the_hub.wait_for("filetype", "Placed", "True")
    fleet.at_the_hub.wait_for("filetype", "Synced", "True")
    (placed,) = fleet.at_the_hub.get("tisvc", "filetype")["status"]["placement"]["clusters"]
    assert (placed["name"], placed["state"]) == (SHOP, "Connected")
    assert fleet.at_the_hub.every("pods,deployments", "filetype") == [], "the hub runs none of it"

    with fleet.edge.link.severed():
        wait_for_state(fleet, "Lost")
        with fleet.edge.inside():
            assert pods_at_the_edge(fleet, "filetype") == before, "a cut link moves nothing"
            name = next(iter(before.values()))
            fleet.at_the_edge.kubectl("delete", "pod", name, "--wait=true")
            fleet.at_the_edge.wait_for("filetype", "Ready", "True")
            assert_answers(fleet.at_the_edge, "filetype")
            healed = pods_at_the_edge(fleet, "filetype")
        # Deleted while nobody hears of it.
        fleet.at_the_hub.kubectl("delete", "tisvc", "filetype", "--wait=true")
        with fleet.edge.inside():
            assert pods_at_the_edge(fleet, "filetype") == healed

    wait_for_state(fleet, "Connected")
    with fleet.edge.inside():
        wait_until(
            "the service to be gone from the edge",
            lambda: "filetype" not in fleet.at_the_edge.kubectl("get", "tisvc", "-o", "name"),
            timeout_seconds=LONGEST_SECONDS,
        )
    wait_until(
        "the work to be gone from the mailbox",
        lambda: not fleet.at_the_hub.kubectl("get", "iwork", "-n", f"fleet-{SHOP}", "-o", "name"),
        timeout_seconds=LONGEST_SECONDS,
    )
