"""`cluster drain` and `undrain`, beside a hub that does what they ask for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import Object
from tests.fleet_hub.fleet import Fleet
from tests.fleet_hub.member import Member
from tests.fleet_hub.test_commands import REPOSITORY, TIMEOUT_SECONDS, command
from triton_operator.api.group import API_VERSION

AT_CLOUD = {"url": "https://cloud.example"}


@pytest.fixture
def pair(fleet: Fleet) -> tuple[Member, Member]:
    """An edge, and a cloud that has room, but nothing ready for others."""
    edge, cloud = fleet.connected("edge"), fleet.connected("cloud", "Cloud", dataPlane=AT_CLOUD)
    fleet.service(scaling={"maxReplicas": 10})
    for member in (edge, cloud):
        fleet.await_work(member)
    fleet.report(edge, needReplicas="2", readyReplicas=3, capReplicas=4)
    fleet.report(cloud, needReplicas="1", readyReplicas=1, capReplicas=10)
    fleet.hub.place()
    return edge, cloud


def document(member: Member) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceCluster",
        "metadata": {"name": member.cluster},
    }


def taints(fleet: Fleet, member: Member) -> Any:
    return fleet.api.get(document(member))["spec"].get("taints")


@pytest.fixture
def waiting(
    fleet: Fleet, pair: tuple[Member, Member], hub_kubeconfig: Path
) -> Iterator[subprocess.Popen[str]]:
    """`drain` of the edge, which waits."""
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "triton_operator.cli.main", "cluster", "drain"),
            *(pair[0].cluster, "-ojson", f"--kubeconfig={hub_kubeconfig}"),
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    fleet.await_("the mark", lambda: taints(fleet, pair[0]))
    yield running
    running.kill()
    running.communicate()


def test_others_get_ready_before_anything_ends(
    fleet: Fleet, pair: tuple[Member, Member], waiting: subprocess.Popen[str]
) -> None:
    edge, cloud = pair
    fleet.hub.settle()
    fleet.hub.place()
    kept, more = fleet.work(edge), fleet.work(cloud)
    assert kept
    assert more
    assert "deletionTimestamp" not in kept["metadata"], "nobody else is ready"
    assert kept["spec"]["template"]["scaling"]["maxReplicas"] >= 2
    assert more["spec"]["template"]["scaling"]["minReplicas"] == 3

    fleet.report(cloud, needReplicas="1", readyReplicas=3, capReplicas=10)
    sent = fleet.work(edge)
    assert sent
    assert "deletionTimestamp" not in sent["metadata"], "its agent has to read where requests go"
    assert [
        (one["cluster"], one["weightPercent"]) for one in sent["spec"]["routing"]["endpoints"]
    ] == [(edge.cluster, 0), (cloud.cluster, 100)]
    fleet.hub.place()
    leaving = fleet.work(edge)
    assert leaving
    assert "deletionTimestamp" in leaving["metadata"]
    assert waiting.poll() is None, "its agent has not confirmed"
    edge.report(leaving, reason="Deleted")

    out, said = waiting.communicate(timeout=TIMEOUT_SECONDS)
    assert waiting.returncode == 0, said
    assert json.loads(out) == {
        "cluster": edge.cluster,
        "state": "Connected",
        "marked": True,
        "empty": True,
        "services": [],
    }
    assert f"{edge.cluster} still has {fleet.namespace}/vision (3 ready)" in said


def test_nothing_ends_while_requests_cannot_go_elsewhere(
    fleet: Fleet, pair: tuple[Member, Member], hub_kubeconfig: Path
) -> None:
    edge, cloud = pair
    fleet.api.merge(document(cloud), {"spec": {"dataPlane": None}})
    fleet.report(cloud, needReplicas="1", readyReplicas=9, capReplicas=10)
    command(hub_kubeconfig, "drain", edge.cluster, "--no-wait")
    fleet.hub.settle()
    for _ in range(3):
        fleet.hub.place()

    kept = fleet.work(edge)
    assert kept
    assert "deletionTimestamp" not in kept["metadata"]
    assert kept["spec"]["template"]["scaling"]["maxReplicas"] == 10
    (synced,) = (one for one in fleet.service_status()["conditions"] if one["type"] == "Synced")
    assert synced["status"] == "False"
    assert f"{cloud.cluster}, where they should go, has no address" in synced["message"]


def test_a_mark_alone_and_back(
    fleet: Fleet, pair: tuple[Member, Member], hub_kubeconfig: Path
) -> None:
    edge, _ = pair
    done = command(hub_kubeconfig, "drain", edge.cluster, "--no-wait")
    assert done.returncode == 0, done.stderr
    assert f"{edge.cluster} is drained, Connected, and has 1 service" in done.stdout
    assert taints(fleet, edge) == [{"key": "drain", "effect": "NoSelect"}]
    again = command(hub_kubeconfig, "drain", edge.cluster, "--timeout-seconds=1", "-ojson")
    assert again.returncode == 1
    assert "still serves after 1 s" in again.stderr
    fleet.hub.settle()
    fleet.hub.place()
    (row,) = json.loads(
        command(hub_kubeconfig, "drain", edge.cluster, "--no-wait", "-ojson").stdout
    )["services"]
    assert row["service"] == f"{fleet.namespace}/vision"
    assert row["readyReplicas"] == 3
    assert "no more is ready there" in row["why"]

    back = command(hub_kubeconfig, "undrain", edge.cluster, "-ojson")
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["marked"] is False
    assert not taints(fleet, edge)
    assert fleet.api.get(document(edge))["spec"]["tier"] == "Edge"


def test_marks_of_others_stay_theirs(
    fleet: Fleet, pair: tuple[Member, Member], hub_kubeconfig: Path
) -> None:
    edge, _ = pair
    fleet.api.merge(document(edge), {"spec": {"taints": [{"key": "theirs", "effect": "NoSelect"}]}})
    command(hub_kubeconfig, "drain", edge.cluster, "--no-wait")
    assert len(taints(fleet, edge)) == 2

    back = command(hub_kubeconfig, "undrain", edge.cluster)

    assert back.returncode == 1
    assert "is still drained" in back.stderr
    assert "theirs" in back.stderr
    assert taints(fleet, edge) == [{"key": "theirs", "effect": "NoSelect"}]


def test_a_name_that_is_none_makes_no_cluster(
    fleet: Fleet, pair: tuple[Member, Member], hub_kubeconfig: Path
) -> None:
    name = f"{pair[0].cluster}e"
    for verb in ("drain", "undrain"):
        done = command(hub_kubeconfig, verb, name)
        assert done.returncode == 2
        assert f"no InferenceCluster {name}; did you mean {pair[0].cluster}" in done.stderr
