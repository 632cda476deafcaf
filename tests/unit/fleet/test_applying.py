"""What a member does about a work, given the service that has the target's name."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from triton_operator.api.conditions import ConditionStatus
from triton_operator.fleet import origin
from triton_operator.fleet.applying import Step, is_as_wanted, manifest, verdict
from triton_operator.fleet.mailbox import DELETED_BY
from triton_operator.fleet.origin import Local, local_of
from triton_operator.fleet.work import UnreadableWork, Work, work_of

HUB = "hub-1"
MAILBOX = "fleet-store-1"
WORK = Work(
    name="shop.vision",
    uid="w",
    generation=3,
    revision=7,
    hub_id=HUB,
    origin_uid="parent",
    namespace="shop",
    target="vision",
    template={"model": {"uri": "https://models.example/a.onnx"}, "scaling": {"maxReplicas": 4}},
)
LOCAL = Local(
    namespace="shop",
    name="vision",
    uid="l",
    hub_id=HUB,
    origin_uid="parent",
    mailbox=MAILBOX,
    work="shop.vision",
    revision=7,
    spec={
        "model": {"uri": "https://models.example/a.onnx", "format": "ONNX"},
        "scaling": {"minReplicas": 1, "maxReplicas": 4},
        "managedBy": "serving.triton-operator.io/operator",
    },
)
ROUTES = '{"endpoints":[{"cluster":"store-1","local":true}]}'
STRANGER = Local(namespace="shop", name="vision", uid="l", spec={})
TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


class Row(NamedTuple):
    name: str
    work: Work
    local: Local | None
    step: Step
    status: ConditionStatus
    reason: str


def w(**changes: Any) -> Work:
    return replace(WORK, **changes)


def gone(**changes: Any) -> Work:
    """Deleted by the hub."""
    return w(**{"is_leaving": True, "is_hubs_will": True, **changes})


def has(**changes: Any) -> Local:
    return replace(LOCAL, **changes)


ROWS = (
    Row("nothing there", WORK, None, Step.CREATE, TRUE, "InForce"),
    Row("all as wanted", WORK, LOCAL, Step.REST, TRUE, "InForce"),
    Row("a higher revision", w(revision=8), LOCAL, Step.APPLY, TRUE, "InForce"),
    Row("a lower revision", w(revision=6), LOCAL, Step.REST, FALSE, "StaleRevision"),
    Row("its edit", WORK, has(spec={**(LOCAL.spec or {}), "scaling": {"maxReplicas": 9}}),
        Step.APPLY, TRUE, "InForce"),
    Row("its field is gone", WORK, has(spec={"model": {}}), Step.APPLY, TRUE, "InForce"),
    Row("its revision is garbage", WORK, has(revision=None), Step.APPLY, TRUE, "InForce"),
    Row("another parent of that name counts anew", w(revision=1, origin_uid="other"), LOCAL,
        Step.APPLY, TRUE, "InForce"),
    Row("requests go elsewhere", w(routing=ROUTES), LOCAL, Step.APPLY, TRUE, "InForce"),
    Row("somebody sends requests elsewhere", WORK, has(routing=ROUTES), Step.APPLY, TRUE,
        "InForce"),
    Row("the policy differs", w(is_orphaning=True), LOCAL, Step.APPLY, TRUE, "InForce"),
    Row("nobody's", WORK, STRANGER, Step.REST, FALSE, "NotOwned"),
    Row("nobody's, given to this hub", WORK, replace(STRANGER, accepts=HUB), Step.APPLY, TRUE,
        "InForce"),
    Row("nobody's, given to another", WORK, replace(STRANGER, accepts="hub-2"), Step.REST, FALSE,
        "NotOwned"),
    Row("another hub's", WORK, has(hub_id="hub-2"), Step.REST, FALSE, "HubChanged"),
    Row("another hub's with a higher revision", WORK, has(hub_id="hub-2", revision=99), Step.REST,
        FALSE, "HubChanged"),
    Row("another hub's, given to this one", WORK, has(hub_id="hub-2", revision=99, accepts=HUB),
        Step.APPLY, TRUE, "InForce"),
    Row("another mailbox's", WORK, has(mailbox="fleet-store-2"), Step.REST, FALSE, "NotOwned"),
    Row("another mailbox's, given", WORK, has(mailbox="fleet-store-2", accepts=HUB), Step.APPLY,
        TRUE, "InForce"),
    Row("another work's that is there", WORK, has(work="shop.other"), Step.REST, FALSE,
        "NotOwned"),
    Row("another work's that is gone", WORK, has(work="shop.gone"), Step.APPLY, TRUE, "InForce"),
    Row("being deleted by somebody", WORK, has(is_leaving=True), Step.REST, FALSE, "Deleting"),
    Row("paused, as wanted", WORK, has(is_paused=True), Step.REST, TRUE, "Paused"),
    Row("paused, something new", w(revision=8), has(is_paused=True), Step.REST, FALSE, "Paused"),
    Row("deleted by another, nothing there", gone(is_hubs_will=False), None, Step.REST, FALSE,
        "Deleted"),
    Row("deleted by another", gone(is_hubs_will=False), LOCAL, Step.REST, FALSE,
        "DeletedByAnother"),
    Row("deleted by another, orphaned", gone(is_hubs_will=False, is_orphaning=True), LOCAL,
        Step.REST, FALSE, "DeletedByAnother"),
    Row("not deleted, as the hub was about to", w(is_hubs_will=True), LOCAL, Step.REST, TRUE,
        "InForce"),
    Row("deleted, nothing there", gone(), None, Step.REST, FALSE, "Deleted"),
    Row("deleted", gone(), LOCAL, Step.REMOVE, FALSE, "Deleting"),
    Row("deleted, on its way", gone(), has(is_leaving=True), Step.REST, FALSE,
        "Deleting"),
    Row("deleted, whatever the revision", gone(revision=1), LOCAL, Step.REMOVE,
        FALSE, "Deleting"),
    Row("deleted, nobody's", gone(), STRANGER, Step.REST, FALSE, "Deleted"),
    Row("deleted, another hub's", gone(), has(hub_id="hub-2"), Step.REST, FALSE,
        "Deleted"),
    Row("deleted, another mailbox's", gone(), has(mailbox="fleet-store-2"), Step.REST,
        FALSE, "Deleted"),
    Row("deleted, another work's", gone(), has(work="shop.other"), Step.REST, FALSE,
        "Deleted"),
    Row("deleted, paused", gone(), has(is_paused=True), Step.REST, FALSE, "Paused"),
    Row("orphaned", gone(is_orphaning=True), LOCAL, Step.RELEASE, FALSE, "Deleted"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_verdicts(row: Row) -> None:
    found = verdict(row.work, row.local, MAILBOX, {"shop.other"})

    assert (found.step, found.applied.status, found.applied.reason) == (
        row.step,
        row.status,
        row.reason,
    )


def test_every_refusal_says_what_to_do() -> None:
    said = [
        verdict(row.work, row.local, MAILBOX, {"shop.other"}).applied.message
        for row in ROWS
        if row.status is FALSE
    ]

    assert all("vision" in one or "revision" in one for one in said)


def test_what_is_applied_is_as_wanted_afterwards() -> None:
    body = manifest(WORK, MAILBOX)
    body["metadata"]["uid"] = "l"

    assert is_as_wanted(WORK, local_of(body), MAILBOX)


def test_the_service_is_told_where_requests_go_as_the_work_says_it() -> None:
    rows = [{"local": True, "cluster": "store-1"}]
    work = work_of(body_of(routing={"endpoints": rows}))

    body = manifest(work, MAILBOX)

    assert body["metadata"]["annotations"][origin.ROUTING] == ROUTES
    body["metadata"]["uid"] = "l"
    assert is_as_wanted(work, local_of(body), MAILBOX)
    assert work_of(body_of(routing={"endpoints": []})).routing == "", "requests stay"
    assert origin.ROUTING not in manifest(WORK, MAILBOX)["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("live", "same"),
    [
        ({"pools": ["a", "b"]}, True),
        ({"pools": ["b", "a"]}, False),
        ({"pools": ["a", "b", "c"]}, False),
        ({"pools": None}, False),
        ({}, False),
    ],
)
def test_lists_are_compared_whole(live: dict[str, Any], same: bool) -> None:
    work = w(template={"hardware": {"pools": ["a", "b"]}})
    local = has(spec={"hardware": live, "managedBy": "serving.triton-operator.io/operator"})

    assert is_as_wanted(work, local, MAILBOX) == same


def body_of(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "shop.vision", "uid": "w", "generation": 3},
        "spec": {
            "revision": 7,
            "hubID": HUB,
            "target": {"namespace": "shop", "name": "vision"},
            "template": {"model": {}},
            **spec,
        },
    }


def test_a_work_is_read() -> None:
    body = body_of(deletionPolicy="Orphan")
    body["metadata"] |= {
        "labels": {origin.ORIGIN_UID: "parent"},
        "deletionTimestamp": "2026-11-28T00:00:00Z",
    }

    assert work_of(body) == w(template={"model": {}}, is_orphaning=True, is_leaving=True)
    body["metadata"]["annotations"] = {DELETED_BY: "1800000000-0a1b2c3d"}
    assert work_of(body).is_hubs_will


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"revision": None}, "spec.revision"),
        ({"revision": "7"}, "spec.revision"),
        ({"hubID": ""}, "spec.hubID"),
        ({"target": None}, "spec.target"),
        ({"target": {"name": "vision"}}, "spec.target.namespace"),
        ({"target": {"namespace": "shop"}}, "spec.target.name"),
        ({"template": None}, "spec.template"),
    ],
)
def test_a_work_that_lacks_something_says_what(spec: dict[str, Any], path: str) -> None:
    with pytest.raises(UnreadableWork, match=path):
        work_of(body_of(**spec))


@pytest.mark.parametrize("text", ["", "seven", "-1", "²", "7.0"])
def test_a_revision_that_somebody_wrote_over_is_none(text: str) -> None:
    body = manifest(WORK, MAILBOX)
    body["metadata"]["uid"] = "l"
    body["metadata"]["annotations"][origin.REVISION] = text

    assert local_of(body).revision is None
