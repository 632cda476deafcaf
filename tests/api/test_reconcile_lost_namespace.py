"""An operator with rights in two namespaces loses one of them: by a real API server's rules."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from tests.api.operator_process import OperatorProcess
from tests.api.rights import grant_in, grant_in_cluster, revoke_in
from tests.api.shop import Shop

LOST = "A watched namespace cannot be read"
SERVED = "triton_operator_namespace_served"
KNOWN = 'triton_operator_objects{kind="InferenceService"}'
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Pair:
    """Two namespaces with a running service each. `kept` stays, `lost` goes."""

    stage: ControlPlane
    api: Api
    operator: OperatorProcess
    user: str
    kept: Shop
    lost: Shop

    def make(self, shop: Shop) -> None:
        """The namespace with the operator's rights in it."""
        self.api.create(namespace(shop))
        grant_in(self.api, shop.namespace, self.user)

    def until_served(self, count: int) -> None:
        """Wait until so many of the two are served."""
        self.kept.until(
            f"{count} namespaces to be served", lambda: self.operator.metric(SERVED) == count
        )

    def check_kept(self, cpu: str) -> None:
        """The namespace that stays is served as ever, by the process that was started."""
        self.kept.change("a", hardware={"resources": {"cpu": cpu}})
        self.kept.until("the new limit", lambda: cpu_limit(self.kept) == cpu)
        self.kept.delete("Service", "a")
        self.kept.until("the Service", lambda: self.kept.find("Service", "a") is not None)
        assert self.operator.probes() == {"healthz": 200, "readyz": 200}


def namespace(shop: Shop) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": shop.namespace}}


def cpu_limit(shop: Shop) -> str:
    pod = shop.get("Deployment", "a-cpu")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["resources"]["limits"]["cpu"])


def until_gone(pair: Pair) -> None:
    def is_gone() -> bool:
        try:
            pair.api.get(namespace(pair.lost))
        except RefusedError as refusal:
            return refusal.code == 404
        return False

    wait_until("waiting for the namespace to go", is_gone, timeout_seconds=120)


@pytest.fixture
def pair(
    stage: ControlPlane, stage_api: Api, only_operator: OperatorProcess, tmp_path: Path
) -> Iterator[Pair]:
    """The operator of other tests would serve these, too: it stands back."""
    only_operator.stop()
    number = next(_numbers)
    user = f"confined-{number}"
    names = (f"kept-{number}", f"lost-{number}")
    operator = OperatorProcess(
        stage.client_kubeconfig(user, f"/CN={user}"),
        tmp_path,
        "--no-leader-election",
        *(f"--namespace={name}" for name in names),
    )
    grant_in_cluster(stage_api, names, user)
    kept, lost = (Shop(stage_api, operator, name) for name in names)
    pair = Pair(stage, stage_api, operator, user, kept, lost)
    for shop in (kept, lost):
        pair.make(shop)
    operator.start(sweep_seconds=2)
    for shop in (kept, lost):
        shop.add_running("a")
    yield pair
    operator.kill()
    for shop in (kept, lost):
        for one in shop.all("InferenceService"):
            shop.delete("InferenceService", one["metadata"]["name"])


def test_a_deleted_namespace(pair: Pair) -> None:
    """All that it had is seen to go; then the operator may not even look any more."""
    process = pair.operator.running

    pair.api.delete(namespace(pair.lost))
    until_gone(pair)

    pair.until_served(1)
    pair.check_kept("2")
    pair.stage.restart_apiserver()
    pair.check_kept("3")
    wait_until(
        "waiting for what was there to be forgotten",
        lambda: pair.operator.metric(KNOWN) == 1,
        timeout_seconds=60,
        needs=[process],
    )

    pair.make(pair.lost)
    pair.until_served(2)
    pair.lost.add_running("b")
    pair.check_kept("2")
    assert pair.operator.running == process
    assert process.alive(), "no restart"
    assert pair.operator.log.read_text().count(LOST) == 1


def test_rights_that_go_and_come_back(pair: Pair) -> None:
    """The namespace exists all the time, and somebody works in it."""
    process = pair.operator.running

    revoke_in(pair.api, pair.lost.namespace, pair.user)
    pair.stage.restart_apiserver()
    pair.until_served(1)
    pair.check_kept("2")
    pair.lost.delete("InferenceService", "a")
    pair.lost.add_service("b", 1)
    pair.check_kept("3")
    assert pair.operator.metric(KNOWN) == 2, "nothing proves it gone"
    assert pair.lost.find("Deployment", "b-cpu") is None

    grant_in(pair.api, pair.lost.namespace, pair.user)
    pair.until_served(2)
    pair.lost.until_settled("b")
    assert pair.operator.metric(KNOWN) == 2, "the listing proved it"
    # The garbage collector's watches were cut by the restart, too: it takes its time.
    pair.lost.until("nothing left of a", lambda: pair.lost.children("a") == {})
    assert pair.operator.running == process
    assert process.alive(), "no restart"
    assert pair.operator.log.read_text().count(LOST) == 1


def test_a_start_without_one_of_them(pair: Pair) -> None:
    """Also of a namespace that does not exist yet."""
    pair.operator.stop()
    pair.api.delete(namespace(pair.lost))
    until_gone(pair)

    pair.operator.start(sweep_seconds=2)

    assert pair.operator.metric(SERVED) == 1
    pair.check_kept("2")
    pair.make(pair.lost)
    pair.until_served(2)
    pair.lost.add_running("a")
