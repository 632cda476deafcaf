"""A cluster that the hub reaches itself: joined by the command, with the rights of its account
there and no others, between two real API servers."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from tests.api.definitions import install_definitions
from tests.fleet.works import work
from tests.fleet_hub.clock import Clock
from tests.fleet_hub.fleet import Fleet
from tests.fleet_hub.test_commands import RIGHTS, rule
from triton_operator.api.group import API_VERSION
from triton_operator.fleet.agent_token import account_of, life_of, token_in
from triton_operator.fleet.mailbox import AGENT, DELETED_BY, mailbox_namespace

REPOSITORY = Path(__file__).parents[2]
SHOP = "shop"
RBAC = "rbac.authorization.k8s.io"


@pytest.fixture(scope="module")
def member_plane() -> Iterator[ControlPlane]:
    with ControlPlane(name="member") as running:
        yield running


@pytest.fixture(scope="module")
def member_api(member_plane: ControlPlane) -> Iterator[Api]:
    plane = member_plane
    with Api(plane.url, ca=plane.ca, cert=plane.admin_cert, key=plane.admin_key) as api:
        install_definitions(api)
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP}})
        yield api


class Pushed:
    """One cluster of a fleet, joined with `--push`."""

    def __init__(self, fleet: Fleet, hub: ControlPlane, plane: ControlPlane, member: Api) -> None:
        self.fleet, self.member = fleet, member
        self.name = f"{fleet.namespace}-pushed"
        self.mailbox = mailbox_namespace(self.name)
        self._hub, self._plane = hub, plane
        self.secret: Object = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"push-{self.name}", "namespace": "default"},
        }
        self.cluster: Object = {
            "apiVersion": API_VERSION,
            "kind": "InferenceCluster",
            "metadata": {"name": self.name},
        }

    def join(self, *options: str) -> None:
        """As an administrator of both does."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "triton_operator.cli.main", "cluster", "join", self.name),
                # The hub's clock is made up: a month of the API server's may be over by it.
                *("--push", "--push-namespace=default", "--token-days=365"),
                f"--member-kubeconfig={self._plane.kubeconfig}",
                f"--kubeconfig={self._hub.kubeconfig}",
                *options,
            ],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"Name push-{self.name} in hub.pushSecrets" in " ".join(done.stderr.split())
        self.fleet.hub.settle()

    def put(self, text: str) -> None:
        """Another kubeconfig."""
        data = {"kubeconfig": base64.b64encode(text.encode()).decode()}
        self.fleet.api.merge(self.secret, {"data": data})

    def token(self) -> str:
        """In the Secret."""
        data = self.fleet.api.get(self.secret)["data"]["kubeconfig"]
        return token_in(base64.b64decode(data).decode()) or ""

    def until(self, status: str, reason: str) -> str:
        """Wait until `CredentialsValid` is so; its message."""

        def told() -> Object:
            self.fleet.hub.push()
            self.fleet.hub.settle()
            found = self.fleet.api.get(self.cluster).get("status") or {}
            return self.fleet.condition("CredentialsValid", found)

        self.fleet.await_(
            f"CredentialsValid={status} ({reason})",
            lambda: (told().get("status"), told().get("reason")) == (status, reason),
        )
        return str(told()["message"])

    def beat(self) -> str:
        found = self.found(
            self.fleet.api,
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": AGENT, "namespace": self.mailbox},
            },
        )
        return "" if found is None else str(found["spec"]["renewTime"])

    def work(self) -> Object:
        return {
            "apiVersion": API_VERSION,
            "kind": "InferenceWork",
            "metadata": {"name": "shop.vision", "namespace": self.mailbox},
        }

    def service(self) -> Object | None:
        reference = {
            "apiVersion": API_VERSION,
            "kind": "InferenceService",
            "metadata": {"name": "vision", "namespace": SHOP},
        }
        return self.found(self.member, reference)

    def applied(self) -> tuple[str, str]:
        status = self.fleet.api.get(self.work()).get("status") or {}
        row = self.fleet.condition("Applied", status)
        return row.get("status", ""), row.get("reason", "")

    @staticmethod
    def found(api: Api, reference: Object) -> Object | None:
        try:
            return api.get(reference)
        except RefusedError as refusal:
            if refusal.code != 404:
                raise
            return None


@pytest.fixture
def pushed(
    fleet: Fleet, hub_plane: ControlPlane, member_plane: ControlPlane, member_api: Api
) -> Iterator[Pushed]:
    made = Pushed(fleet, hub_plane, member_plane, member_api)
    yield made
    if made.found(fleet.api, made.cluster):
        fleet.api.delete(made.cluster)


def grant(api: Api, kind: str, name: str, rules: list[Object], user: str) -> list[Object]:
    """A role for a user, in the namespace `default` or everywhere; what was made."""
    metadata = {"name": name} | ({"namespace": "default"} if kind == "Role" else {})
    role = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata}
    binding = {
        **role,
        "kind": f"{kind}Binding",
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}],
    }
    return [api.create({**role, "rules": rules}), api.create(binding)]


def test_a_hub_needs_no_right_for_it_but_on_the_secret(
    hub_plane: ControlPlane, hub_api: Api, member_plane: ControlPlane, member_api: Api
) -> None:
    """The rights are those that docs/fleet-hub.md has."""
    user = "hub-that-pushes"
    kubeconfig = hub_plane.client_kubeconfig(user, f"/CN={user}")
    made = grant(hub_api, "ClusterRole", user, [rule(*row) for row in RIGHTS], user)
    with Fleet(hub_api, hub_plane.ca, kubeconfig, Clock(), "limited") as fleet:
        pushed = Pushed(fleet, hub_plane, member_plane, member_api)
        pushed.join()
        assert "hub.pushSecrets" in pushed.until("False", "KubeconfigUnusable")
        assert not pushed.beat()

        secret = rule("", ["secrets"], ["get", "patch"], pushed.secret["metadata"]["name"])
        made += grant(hub_api, "Role", user, [secret], user)
        pushed.until("True", "KubeconfigHolds")
        fleet.await_("a heartbeat", lambda: bool(pushed.beat()))
        hub_api.apply(work(pushed.mailbox, namespace=SHOP), "hub", force=True)
        fleet.await_("the service", lambda: pushed.applied() == ("True", "InForce"))
        hub_api.merge(pushed.work(), {"metadata": {"annotations": {DELETED_BY: "1-2"}}})
        hub_api.delete(pushed.work())
        fleet.await_("the end of it", lambda: pushed.applied() == ("False", "Deleted"))
        hub_api.merge(pushed.work(), {"metadata": {"finalizers": None}})
        renews(pushed)
        hub_api.delete(pushed.cluster)
    for document in made:
        hub_api.delete(document)


def renews(pushed: Pushed) -> None:
    """At two thirds of a token's life there is another one, and it is used."""
    fleet, first = pushed.fleet, pushed.token()
    life = life_of(first)
    assert life is not None
    wait_until(
        "waiting for another second, as tokens say whole ones",
        lambda: time.time() >= life.issued_at + 1,
        timeout_seconds=10,
    )
    fleet.clock.now = max(fleet.clock.now, life.renewed_at)

    def is_another() -> bool:
        fleet.hub.push()
        return pushed.token() != first

    fleet.await_("another token", is_another)
    second = pushed.token()
    newer = life_of(second)
    assert newer is not None
    assert (newer.seconds, account_of(second)) == (life.seconds, account_of(first))
    end = datetime.fromtimestamp(newer.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    fleet.await_("its use", lambda: end in pushed.until("True", "KubeconfigHolds"))
    before = pushed.beat()
    fleet.await_("a heartbeat by it", lambda: pushed.beat() > before)
    pushed.join()
    assert pushed.token() != second, "the command writes what the hub has written"


def test_works_come_and_go_by_the_accounts_own_rights(pushed: Pushed) -> None:
    fleet = pushed.fleet
    pushed.join()
    assert "holds until" in pushed.until("True", "KubeconfigHolds")
    fleet.await_("a heartbeat", lambda: bool(pushed.beat()))

    fleet.api.apply(work(pushed.mailbox, namespace=SHOP), "hub", force=True)
    fleet.await_("the service", lambda: pushed.applied() == ("True", "InForce"))
    service = pushed.service()
    assert service is not None
    assert service["spec"]["scaling"]["maxReplicas"] == 4

    fleet.api.merge(pushed.work(), {"metadata": {"annotations": {DELETED_BY: "1-2"}}})
    fleet.api.delete(pushed.work())
    fleet.await_("the end of it", lambda: pushed.applied() == ("False", "Deleted"))
    assert pushed.service() is None
    fleet.api.merge(pushed.work(), {"metadata": {"finalizers": None}})


def test_a_secret_that_is_replaced_or_gone_is_noticed(pushed: Pushed) -> None:
    fleet = pushed.fleet
    pushed.join()
    pushed.until("True", "KubeconfigHolds")
    pushed.put("users: [{name: a, user: {exec: {command: sh}}}]")
    pushed.until("False", "KubeconfigUnusable")

    # What somebody else has written there, the command does not overwrite.
    fleet.api.delete(pushed.secret)
    pushed.join()
    pushed.until("True", "KubeconfigHolds")
    before = pushed.beat()
    fleet.await_("heartbeats again", lambda: pushed.beat() > before)

    fleet.api.delete(pushed.secret)
    assert "does not exist" in pushed.until("False", "KubeconfigUnusable")


def test_a_secret_that_somebody_else_writes_is_theirs_to_renew(pushed: Pushed) -> None:
    pushed.join()
    data = pushed.fleet.api.get(pushed.secret)["data"]["kubeconfig"]
    token, life = pushed.token(), life_of(pushed.token())
    assert life is not None
    pushed.put(base64.b64decode(data).decode() + "# kept elsewhere\n")
    pushed.until("True", "KubeconfigHolds")

    pushed.fleet.clock.now = life.near_end_at
    pushed.fleet.await_(
        "whose it is to be told",
        lambda: "is to renew its token" in pushed.until("False", "TokenNearItsEnd"),
    )
    assert pushed.token() == token


def test_an_account_that_the_cluster_does_not_know_is_told(pushed: Pushed) -> None:
    pushed.join()
    pushed.until("True", "KubeconfigHolds")
    secret = pushed.fleet.api.get(pushed.secret)
    text = base64.b64decode(secret["data"]["kubeconfig"]).decode()
    token = next(line for line in text.splitlines() if "token:" in line)
    pushed.put(text.replace(token.strip(), "token: nobodys"))

    assert "(401)" in pushed.until("False", "MemberRefuses")


def test_another_token_changes_nothing_else_of_the_cluster(pushed: Pushed) -> None:
    """Or its services, placed by tier and zone, would have to go."""
    api = pushed.fleet.api
    pushed.join("--tier=OnPrem", "--zone=eu", "--zone=de", "--url=https://a.example")
    api.merge(pushed.cluster, {"spec": {"tier": "Cloud", "dataPlane": {"probePath": "/live"}}})
    before, token = api.get(pushed.cluster)["spec"], api.get(pushed.secret)["data"]

    pushed.join()
    assert api.get(pushed.cluster)["spec"] == before
    assert api.get(pushed.secret)["data"] != token
    pushed.join("--zone=us")
    assert api.get(pushed.cluster)["spec"] == {**before, "residencyZones": ["us"]}
