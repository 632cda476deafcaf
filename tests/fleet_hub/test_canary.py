"""A change of a service reaches canaries first, and others only where it does no harm."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Object
from tests.fleet_hub.fleet import Fleet
from tests.fleet_hub.member import Member
from triton_operator.api.group import API_VERSION

NEW_MODEL = {"uri": "https://models.example/new.onnx"}
OBSERVED = {"observeSeconds": 60}


class Shop:
    """A service in three clusters, of which the last is the canary."""

    def __init__(self, fleet: Fleet, **strategy: Any) -> None:
        self.fleet = fleet
        self.members = [fleet.connected(name) for name in ("a", "b", "canary")]
        self.canary = self.members[2]
        self.document = fleet.service(
            scaling={"maxReplicas": 8},
            placement={
                "strategy": {"canaryClusters": [self.canary.cluster], **OBSERVED, **strategy}
            },
        )
        for member in self.members:
            fleet.await_work(member)
        self.tell_all()

    def tell(self, member: Member, attainment: str = "99.6", failed: int = 0, **row: str) -> None:
        """It has applied its work, follows it, and serves."""
        work = self.fleet.work(member)
        assert work
        said = (
            ("Applied", "True", "InForce"),
            ("Available", "True", "ReplicasReady"),
            ("Progressing", "False", "RolledOut"),
        )
        member.write_status(
            work["metadata"]["name"],
            {
                "sequence": 1,
                "appliedRevision": work["spec"]["revision"],
                "appliedMaxReplicas": work["spec"]["template"]["scaling"]["maxReplicas"],
                "conditions": [
                    {
                        "type": type_,
                        "status": status,
                        "reason": reason,
                        "message": "as the test says",
                        "lastTransitionTime": "2001-02-03T00:00:00Z",
                        **(row if type_ == "Progressing" else {}),
                    }
                    for type_, status, reason in said
                ],
                "load": {
                    "needReplicas": "1",
                    "readyReplicas": 2,
                    "capReplicas": 8,
                    "arrivalsPerSecond": "20",
                    "attainmentPercent": attainment,
                    "recentRequests": 6000,
                    "failedRequests": failed,
                    "observedAt": "2001-02-03T00:00:00Z",
                },
            },
        )

    def tell_all(self) -> None:
        """Every cluster is well."""
        for member in self.members:
            self.tell(member)
        self.place()

    def place(self) -> None:
        self.fleet.hub.settle()
        self.fleet.hub.place()

    def go(self, seconds: int) -> None:
        """Time passes, with a decision at its end."""
        self.fleet.go(seconds, *self.members)
        self.place()

    def change(self, **spec: Any) -> None:
        """Somebody edits the service."""
        self.document = self.fleet.api.merge(self.document, {"spec": spec})
        self.place()

    def new(self) -> list[str]:
        """Clusters whose works have the new model."""
        return [
            member.cluster
            for member, work in zip(self.members, self.works(), strict=True)
            if work["spec"]["template"]["model"]["uri"] == NEW_MODEL["uri"]
        ]

    def works(self) -> list[Object]:
        found = [self.fleet.work(member) for member in self.members]
        return [work for work in found if work]

    def progress(self) -> Object:
        return self.fleet.condition("Progressing", self.fleet.service_status())


def test_a_change_goes_step_by_step_over_a_restart_of_the_hub(fleet: Fleet) -> None:
    shop = Shop(fleet)
    assert shop.progress()["reason"] == "RolledOut"
    before = shop.works()

    shop.change(model=NEW_MODEL)
    assert shop.new() == [shop.canary.cluster]
    assert shop.works()[:2] == before[:2], "the others are not touched"
    assert (shop.progress()["status"], shop.progress()["reason"]) == ("True", "RollingOut")
    shop.tell(shop.canary)
    shop.go(40)
    fleet.restart_hub()
    shop.go(10)
    assert shop.new() == [shop.canary.cluster]
    shop.go(30)
    assert shop.new() == [shop.members[0].cluster, shop.canary.cluster]
    for _ in range(3):
        for member in shop.members:
            shop.tell(member)
        shop.go(70)

    assert len(shop.new()) == 3
    assert (shop.progress()["status"], shop.progress()["reason"]) == ("False", "RolledOut")
    assert fleet.service_status()["placement"]["rollout"]["complete"] is True


def test_a_bad_canary_ends_it_and_bounds_go_on(fleet: Fleet) -> None:
    shop = Shop(fleet)
    shop.change(model=NEW_MODEL)
    shop.tell(shop.canary, attainment="91.2")
    shop.go(10)
    shop.go(70)

    told = shop.progress()
    assert (told["status"], told["reason"]) == ("False", "CanaryFailed")
    assert told["message"].startswith(
        f"{shop.canary.cluster}: 91.2 % of requests are within 1000 ms, 99.6 % before"
    )
    fleet.restart_hub()
    shop.go(70)
    shop.change(scaling={"maxReplicas": 5})
    assert shop.new() == [shop.canary.cluster]
    assert {work["spec"]["template"]["scaling"]["maxReplicas"] for work in shop.works()} == {5}

    shop.change(model={"uri": "https://models.example/m.onnx"})
    assert shop.new() == []
    shop.tell_all()
    shop.go(10)
    shop.go(70)
    assert shop.progress()["reason"] == "RolledOut"


def test_a_canary_whose_requests_fail_ends_it(fleet: Fleet) -> None:
    shop = Shop(fleet, observeSeconds=60)
    shop.change(model=NEW_MODEL)
    shop.tell(shop.canary, failed=300)
    shop.go(10)
    fleet.restart_hub()
    shop.go(70)

    told = shop.progress()
    assert (told["status"], told["reason"]) == ("False", "CanaryFailed")
    assert told["message"].startswith(
        f"{shop.canary.cluster}: 5 % of 6000 requests fail, 0 % of 6000 before, 0 % in the middle "
        "of 2 clusters without it"
    )
    assert shop.new() == [shop.canary.cluster]


@pytest.mark.parametrize("state", ["Lost", "paused"])
def test_a_canary_that_cannot_be_told_is_passed_over(fleet: Fleet, state: str) -> None:
    shop = Shop(fleet)
    others = shop.members[:2]
    if state == "paused":
        fleet.api.merge(
            {
                "apiVersion": API_VERSION,
                "kind": "InferenceCluster",
                "metadata": {"name": shop.canary.cluster},
            },
            {"spec": {"paused": True}},
        )
        shop.place()
    else:
        fleet.go(400, *others)
        assert fleet.state(shop.canary) == "Lost"
    shop.change(model=NEW_MODEL)

    assert shop.new() == [others[0].cluster]
    assert f"{shop.canary.cluster} is passed over until it is back" in shop.progress()["message"]
