"""Services and clusters that go: works are deleted on evidence, and stay until let go."""

import pytest

from tests.api.client import Object, RefusedError
from tests.api.definitions import install_definitions
from tests.fleet_hub.fleet import MODEL, Fleet
from tests.fleet_hub.member import Member
from triton_operator.fleet.mailbox import DELETED_BY
from triton_operator.fleet.works import APPLIED, work_name

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "inferenceservices.serving.triton-operator.io"},
}


def test_a_deleted_service_does_not_wait_and_its_works_do(fleet: Fleet) -> None:
    edge = fleet.connected("edge")
    service = fleet.service()
    work = fleet.await_work(edge)
    assert "finalizers" not in fleet.api.get(service)["metadata"]

    fleet.api.delete(service)
    fleet.await_("the end of the work", lambda: is_leaving(fleet, edge))
    fleet.hub.sweep()
    leaving = fleet.work(edge)
    assert leaving
    assert leaving["metadata"]["finalizers"] == [APPLIED], "the agent has not confirmed"
    assert leaving["metadata"]["annotations"][DELETED_BY], "the agent need not wait an hour"

    edge.report(work, reason="Deleting")
    fleet.hub.sweep()
    assert fleet.work(edge)
    edge.report(work, reason="Deleted")

    fleet.await_("the work to be let go", lambda: fleet.work(edge) is None)


def test_a_work_that_is_not_deleted_is_not_let_go(fleet: Fleet) -> None:
    """An agent may say that it is gone, as its service was deleted by hand: it is made again."""
    edge = fleet.connected("edge")
    fleet.service()
    edge.report(fleet.await_work(edge), reason="Deleted")
    # A hub that takes over looks at every work.
    fleet.restart_hub()
    fleet.hub.settle()

    work = fleet.work(edge)
    assert work
    assert work["metadata"]["finalizers"] == [APPLIED]
    assert "deletionTimestamp" not in work["metadata"]


def test_a_service_that_went_unseen_is_asked_for(fleet: Fleet) -> None:
    edge = fleet.connected("edge")
    service = fleet.service()
    fleet.await_work(edge)

    fleet.hub.stop()
    fleet.api.delete(service)
    fleet.hub.start()

    fleet.await_("the end of the work", lambda: is_leaving(fleet, edge))


@pytest.mark.parametrize("seen_by_hub", [True, False], ids=["seen", "unseen"])
def test_a_service_that_left_the_fleet_is_gone_for_it(fleet: Fleet, seen_by_hub: bool) -> None:
    edge = fleet.connected("edge")
    service = fleet.service()
    fleet.await_work(edge)

    if not seen_by_hub:
        fleet.hub.stop()
    fleet.api.delete(service)
    theirs = {
        **{key: service[key] for key in ("apiVersion", "kind")},
        "metadata": {key: service["metadata"][key] for key in ("name", "namespace")},
        "spec": {"model": MODEL},
    }
    fleet.api.create(theirs)
    if not seen_by_hub:
        fleet.hub.start()

    fleet.await_("the end of the work", lambda: is_leaving(fleet, edge))


def test_nothing_goes_because_a_service_is_not_seen(fleet: Fleet) -> None:
    """A mirror that lost it, by whatever mistake: the API server still has it."""
    edge = fleet.connected("edge")
    fleet.service()
    fleet.await_work(edge)

    fleet.hub.settle()
    fleet.hub.lose_services()
    fleet.hub.sweep()

    work = fleet.work(edge)
    assert work
    assert "deletionTimestamp" not in work["metadata"]


def test_nothing_goes_because_the_definition_of_services_does(fleet: Fleet) -> None:
    edge = fleet.connected("edge")
    fleet.service()
    fleet.await_work(edge)

    fleet.api.delete(DEFINITION)
    try:
        fleet.await_("the end of the definition", lambda: not is_there(fleet, DEFINITION))
        fleet.hub.sweep()
        assert not is_leaving(fleet, edge)
    finally:
        install_definitions(fleet.api, only=DEFINITION["metadata"]["name"])


def test_a_work_that_somebody_else_deletes_is_made_again(fleet: Fleet) -> None:
    edge = fleet.connected("edge")
    fleet.service()
    before = fleet.await_work(edge)

    fleet.api.delete(before)

    def is_new() -> bool:
        work = fleet.work(edge)
        return work is not None and work["metadata"]["uid"] != before["metadata"]["uid"]

    fleet.await_("another work", is_new)
    work = fleet.await_work(edge)
    assert work["spec"]["target"] == before["spec"]["target"]
    assert work["spec"]["revision"] > before["spec"]["revision"], "the agent takes no lower one"


def test_a_work_that_the_hub_was_about_to_delete_and_wants_again(fleet: Fleet) -> None:
    """A hub that ended between its note and the deletion: another's deletion is not its will."""
    edge = fleet.connected("edge")
    fleet.service()
    work = fleet.await_work(edge)
    fleet.api.merge(work, {"metadata": {"annotations": {DELETED_BY: "1-2"}}})
    fleet.await_("the work to be seen", lambda: DELETED_BY in seen(fleet, edge))

    fleet.hub.place()

    work = fleet.await_work(edge)
    assert DELETED_BY not in work["metadata"]["annotations"]
    assert "deletionTimestamp" not in work["metadata"]


def test_a_cluster_that_is_not_selected_any_more(fleet: Fleet) -> None:
    one, two = fleet.connected("one"), fleet.connected("two")
    service = fleet.service()
    for member in (one, two):
        fleet.await_work(member)

    fleet.api.merge(service, {"spec": {"placement": {"clusterNames": [one.cluster]}}})

    fleet.await_("the end of the work", lambda: is_leaving(fleet, two))
    assert not is_leaving(fleet, one)


def test_a_cluster_that_goes_takes_its_mailbox_with_it_when_it_is_empty(fleet: Fleet) -> None:
    one = fleet.connected("one")
    service = fleet.service()
    work = fleet.await_work(one)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": one.namespace}}

    fleet.remove(one)
    fleet.await_("the end of the work", lambda: is_leaving(fleet, one))
    fleet.hub.sweep()
    assert "deletionTimestamp" not in fleet.api.get(namespace)["metadata"]
    one.report(work, reason="Deleted")

    fleet.await_(
        "the end of the mailbox",
        lambda: "deletionTimestamp" in fleet.api.get(namespace)["metadata"],
    )
    fleet.api.delete(service)


def seen(fleet: Fleet, member: Member) -> Object:
    """Annotations of its work as the hub knows them."""
    name = work_name(fleet.namespace, "vision")
    work = fleet.hub.hub.known.works.get(member.namespace, name) or {"metadata": {}}
    found: Object = work["metadata"].get("annotations", {})
    return found


def is_there(fleet: Fleet, document: Object) -> bool:
    """Whether there is such an object."""
    try:
        fleet.api.get(document)
    except RefusedError as refusal:
        if refusal.code != 404:
            raise
        return False
    return True


def is_leaving(fleet: Fleet, member: Member) -> bool:
    """Whether its work was deleted, gone or not."""
    work = fleet.work(member)
    return work is None or "deletionTimestamp" in work["metadata"]
