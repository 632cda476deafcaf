"""A shop's machine loses power while its link is cut: what it has by itself brings it back."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from e2e.fleet.conftest import SHOP, Fleet
from e2e.fleet.test_fleet import FLEET, wait_for_state
from e2e.harness.errors import HarnessError
from e2e.harness.kubectl import Kubectl
from e2e.harness.waiting import wait_until
from e2e.installation import NAMESPACE
from e2e.s3_store import S3Store, s3_store
from e2e.sample_files import magika_model
from e2e.services import Services
from e2e.test_serving import DIGEST, assert_answers

NAME = "filetype"
LONGEST_SECONDS = 180


def place(fleet: Fleet, store: S3Store) -> None:
    """A service for the shop, whose model is at the hub's site, and in a cache at the shop."""
    with fleet.edge.inside():
        fleet.at_the_edge.place("cache", {})
        store.admit(fleet.at_the_edge)
    fleet.at_the_hub.apply(
        NAME,
        managedBy=FLEET,
        model={**store.model, "cacheClaimName": "cache", "digest": DIGEST},
        placement={"clusterNames": [SHOP]},
    )


def at_the_shop(fleet: Fleet) -> dict[str, Any]:
    """What a reboot is not to change, of the service and of what runs it."""
    spec = fleet.at_the_edge.get("tisvc", NAME)["spec"]
    (deployment,) = fleet.at_the_edge.every("deployments", NAME)
    return {
        "spec": spec,
        "uid": deployment["metadata"]["uid"],
        "pods": deployment["spec"]["template"],
        "replicas": deployment["spec"]["replicas"],
    }


def restarts(services: Services) -> dict[str, int]:
    """Of Triton's containers, by the pod's name."""
    return {
        one["metadata"]["name"]: sum(
            container["restartCount"]
            for container in one.get("status", {}).get("containerStatuses", ())
        )
        for one in services.every("pods", NAME)
    }


def is_back(fleet: Fleet, before: dict[str, int]) -> bool:
    """Whether each pod has been started again, or replaced, and the service is Ready since."""
    now = restarts(fleet.at_the_edge)
    if not now or any(count <= before.get(name, -1) for name, count in now.items()):
        return False
    try:
        assert_answers(fleet.at_the_edge, NAME)
    except (AssertionError, HarnessError, OSError):
        return False
    return True


def fetched(services: Services) -> list[tuple[str, str]]:
    """Each pod, and what its container that fetches the model says."""
    return [(name, services.kubectl("logs", name, "-c", "fetch")) for name in restarts(services)]


def available(services: Services, deployment: str) -> bool:
    kubectl = Kubectl(services.cluster.kubeconfig)
    found = kubectl.json("-n", NAMESPACE, "get", "deployment", deployment)
    return bool(found.get("status", {}).get("availableReplicas"))


def test_a_shop_without_its_link_comes_back_from_a_loss_of_power(
    fleet: Fleet, tmp_path: Path
) -> None:
    with s3_store(tmp_path, fleet.at_the_hub.cluster.host_address(), magika_model()) as store:
        place(fleet, store)
        with fleet.edge.inside():
            fleet.at_the_edge.wait_until_there(NAME)
            fleet.at_the_edge.wait_for(NAME, "Ready", "True")
            assert_answers(fleet.at_the_edge, NAME)
            before, counts = at_the_shop(fleet), restarts(fleet.at_the_edge)
        fleet.at_the_hub.wait_for(NAME, "Synced", "True")

        with fleet.edge.link.severed():
            wait_for_state(fleet, "Lost")
            with fleet.edge.inside():
                fleet.edge.cluster.reboot()
                wait_until(
                    "the service to answer after the reboot",
                    lambda: is_back(fleet, counts),
                    timeout_seconds=LONGEST_SECONDS,
                    poll_seconds=1.0,
                )
                assert at_the_shop(fleet) == before
                for name, log in fetched(fleet.at_the_edge):
                    assert "1 files are there" in log, "a pod has its own copy still"
                    fleet.at_the_edge.kubectl("delete", "pod", name, "--wait=true")
                fleet.at_the_edge.wait_for(NAME, "Ready", "True")
                for _, log in fetched(fleet.at_the_edge):
                    assert "cache: 'model.onnx' is there, nothing is fetched" in log
                assert_answers(fleet.at_the_edge, NAME)
                for deployment in ("triton-operator", "triton-operator-agent"):
                    wait_until(
                        f"{deployment} to be back",
                        partial(available, fleet.at_the_edge, deployment),
                        timeout_seconds=LONGEST_SECONDS,
                        poll_seconds=1.0,
                    )
                fleet.at_the_edge.wait_for(NAME, "Ready", "True")

        wait_for_state(fleet, "Connected")
        fleet.at_the_hub.wait_for(NAME, "Synced", "True")
        with fleet.edge.inside():
            assert at_the_shop(fleet) == before, "nor does the return"
        fleet.at_the_hub.kubectl("delete", "tisvc", NAME, "--wait=true")
