"""A cluster is joined: what its agent's account may do, and what it may not."""

import json

import pytest

from tests.api.client import Object, RefusedError
from tests.fleet_hub.fleet import Fleet
from tests.fleet_hub.member import LEASES, WORKS, Member
from triton_operator.api.group import API_VERSION
from triton_operator.controllers.times import rfc3339
from triton_operator.fleet.mailbox import AGENT, mailbox_namespace

MERGE = "application/merge-patch+json"


def test_an_agent_reaches_its_own_mailbox_and_nothing_else(fleet: Fleet) -> None:
    member, other = fleet.connected("one"), fleet.connected("two")
    fleet.service()
    own, others = fleet.await_work(member), fleet.await_work(other)
    assert [work["metadata"]["uid"] for work in member.works()] == [own["metadata"]["uid"]]
    before = [fleet.api.get(one) for one in (others, lease(other), cluster(other), cluster(member))]

    for method, path in (
        ("GET", f"{WORKS}/namespaces/{other.namespace}/inferenceworks"),
        ("GET", f"{WORKS}/inferenceworks"),
        ("GET", f"{WORKS}/inferenceclusters/{member.cluster}"),
        ("GET", f"{LEASES}/namespaces/{other.namespace}/leases/{AGENT}"),
        ("GET", f"{LEASES}/namespaces/{member.namespace}/leases"),
        ("GET", f"/api/v1/namespaces/{member.namespace}/secrets"),
        ("DELETE", f"{WORKS}/namespaces/{member.namespace}/inferenceworks/any"),
        ("DELETE", f"{LEASES}/namespaces/{member.namespace}/leases/{AGENT}"),
    ):
        with pytest.raises(RefusedError) as refusal:
            member.request(method, path)
        assert refusal.value.code == 403, path

    name = own["metadata"]["name"]
    for path, change in (
        (
            f"{WORKS}/namespaces/{{}}/inferenceworks/{name}/status",
            {"status": {"sequence": 9}},
        ),
        (f"{LEASES}/namespaces/{{}}/leases/{AGENT}", {"spec": {"leaseDurationSeconds": 9}}),
    ):
        member.request("PATCH", path.format(member.namespace), change, MERGE)
        with pytest.raises(RefusedError) as refusal:
            member.request("PATCH", path.format(other.namespace), change, MERGE)
        assert refusal.value.code == 403, path
    for one in (member, other):
        for path, change in (
            (f"{WORKS}/inferenceclusters/{one.cluster}/status", {"status": {"flaps": 9}}),
            (f"{WORKS}/inferenceclusters/{one.cluster}", {"spec": {"tier": "Cloud"}}),
        ):
            with pytest.raises(RefusedError) as refusal:
                member.request("PATCH", path, change, MERGE)
            assert refusal.value.code == 403, path

    assert before == [
        fleet.api.get(one) for one in (others, lease(other), cluster(other), cluster(member))
    ]


def test_an_agent_gets_tokens_of_its_own_account_alone(fleet: Fleet) -> None:
    member, other = fleet.connected("one"), fleet.connected("two")
    fleet.api.create(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "other", "namespace": member.namespace},
        }
    )
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 600},
    }

    def path(namespace: str, account: str) -> str:
        return f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"

    made = member.request("POST", path(member.namespace, AGENT), asked)
    for namespace, account in (
        (other.namespace, AGENT),
        (member.namespace, "other"),
        (member.namespace, "default"),
        ("kube-system", "default"),
    ):
        with pytest.raises(RefusedError) as refusal:
            member.request("POST", path(namespace, account), asked)
        assert refusal.value.code == 403, path(namespace, account)
    with pytest.raises(RefusedError) as refusal:
        member.request("GET", f"/api/v1/namespaces/{member.namespace}/serviceaccounts/{AGENT}")
    assert refusal.value.code == 403

    member.use(made["status"]["token"])
    assert member.works() == []
    with pytest.raises(RefusedError) as refusal:
        member.request("GET", f"{WORKS}/namespaces/{other.namespace}/inferenceworks")
    assert refusal.value.code == 403, "the new one reaches no more than the first one"


def test_until_when_a_token_holds_is_told(fleet: Fleet) -> None:
    member = fleet.connected("one")
    told = fleet.condition("CredentialsValid", fleet.cluster_status(member))
    assert (told["status"], told["reason"]) == ("Unknown", "TokenNotTold")

    life = {"issuedAt": rfc3339(fleet.clock.now), "expiresAt": rfc3339(fleet.clock.now + 600)}
    for seconds, status, reason in (
        (10, "True", "TokenHolds"),
        (480, "True", "TokenHolds"),
        (30, "False", "TokenNearItsEnd"),
        (90, "False", "TokenIsOver"),
    ):
        fleet.clock.now += seconds
        fleet.beat(member, token=json.dumps(life))
        fleet.hub.settle()
        told = fleet.condition("CredentialsValid", fleet.cluster_status(member))
        assert (told["status"], told["reason"]) == (status, reason)
    assert life["expiresAt"] in told["message"]


def lease(member: Member) -> Object:
    """The reference of its heartbeat."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": AGENT, "namespace": member.namespace},
    }


def cluster(member: Member) -> Object:
    """The reference of its InferenceCluster."""
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceCluster",
        "metadata": {"name": member.cluster},
    }


def test_an_agent_cannot_change_what_it_is_to_do(fleet: Fleet) -> None:
    member = fleet.connected("one")
    fleet.service()
    work = fleet.await_work(member)
    path = f"{WORKS}/namespaces/{member.namespace}/inferenceworks/{work['metadata']['name']}"

    with pytest.raises(RefusedError) as refusal:
        member.request("PATCH", path, {"spec": {"revision": 9}}, MERGE)

    assert refusal.value.code == 403
    member.write_status(work["metadata"]["name"], {"sequence": 1})


def test_rights_that_somebody_changed_are_put_back(fleet: Fleet) -> None:
    member = fleet.cluster("one")
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": AGENT, "namespace": member.namespace},
    }
    made = fleet.api.get(role)["rules"]
    fleet.api.merge(role, {"rules": []})

    fleet.restart_hub()
    fleet.hub.settle()

    assert fleet.api.get(role)["rules"] == made


def test_a_namespace_of_somebody_else_is_left_alone(fleet: Fleet) -> None:
    cluster = f"{fleet.namespace}-taken"
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": mailbox_namespace(cluster), "labels": {"team": "theirs"}},
    }
    made = fleet.api.create(namespace)
    document = {
        "apiVersion": API_VERSION,
        "kind": "InferenceCluster",
        "metadata": {"name": cluster},
    }
    fleet.api.create({**document, "spec": {"tier": "Edge"}})

    fleet.await_("the refusal", lambda: "status" in fleet.api.get(document))
    ready = fleet.condition("Ready", fleet.api.get(document)["status"])

    assert (ready["status"], ready["reason"]) == ("False", "MailboxTaken")
    assert "give the InferenceCluster another name" in ready["message"]
    assert fleet.api.get(namespace) == made
    with pytest.raises(RefusedError) as refusal:
        fleet.api.get(
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": AGENT, "namespace": mailbox_namespace(cluster)},
            }
        )
    assert refusal.value.code == 404
    fleet.api.delete(document)
