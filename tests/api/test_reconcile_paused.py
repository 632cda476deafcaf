"""`spec.paused` stops every change, and says so."""

from tests.api.audit import Audit
from tests.api.shop import Shop
from tests.api.test_reconcile_replicas import cpu_limit, replicas, scale


def test_nothing_changes_while_paused(shop: Shop, audit: Audit) -> None:
    """Neither our wishes nor what others do to the children; the status goes on being told."""
    shop.add_running("a")
    shop.serve("a")
    before = {
        place: child["spec"] for place, child in shop.children("a").items() if "spec" in child
    }
    shop.change("a", paused=True)
    shop.until_condition("a", "Progressing", "False", "Paused")
    mark = audit.mark()

    shop.change("a", hardware={"resources": {"cpu": "3"}}, scaling={"minReplicas": 2})
    shop.until("the newest generation to be seen", lambda: shop.is_seen("a"))
    shop.until("the end of the work", shop.operator.is_quiet)

    after = {place: child["spec"] for place, child in shop.children("a").items() if "spec" in child}
    assert after == before
    written = {write.resource for write in audit.writes(shop.namespace, since=mark)}
    assert written <= {"inferenceservices/status", "events"}
    assert shop.condition("a", "Available")[0] == "True", "what serves goes on serving"


def test_what_others_do_is_left_while_paused(shop: Shop) -> None:
    """That is what somebody pauses for: to try something by hand."""
    shop.add_running("a")
    shop.change("a", paused=True)
    shop.until_condition("a", "Progressing", "False", "Paused")

    scale(shop, 5)
    shop.delete("Service", "a")
    shop.until("the status to tell of it", lambda: shop.status("a").get("replicas") == 5)
    shop.until("the end of the work", shop.operator.is_quiet)

    assert replicas(shop) == 5
    assert shop.find("Service", "a") is None


def test_what_was_wished_meanwhile_is_carried_out_afterwards(shop: Shop) -> None:
    shop.add_running("a")
    shop.change("a", paused=True)
    shop.until_condition("a", "Progressing", "False", "Paused")
    fixed = {"mode": "Fixed", "minReplicas": 2}
    shop.change("a", hardware={"resources": {"cpu": "3"}}, scaling=fixed)
    scale(shop, 5)

    shop.change("a", paused=False)

    shop.until("the new CPU limit", lambda: cpu_limit(shop) == "3")
    shop.until("two replicas", lambda: replicas(shop) == 2)
    shop.until("the status to say so", lambda: shop.condition("a", "Progressing")[1] != "Paused")


def test_a_service_that_begins_paused_gets_no_inspection(shop: Shop) -> None:
    shop.add_service("a", paused=True)

    shop.until_condition("a", "Progressing", "False", "Paused")
    shop.until("the end of the work", shop.operator.is_quiet)
    assert not shop.children("a")
    shop.change("a", paused=False)
    shop.until_inspection("a")


SPOILED = {
    "Deployment": {"spec": {"minReadySeconds": 7}},
    "Service": {"spec": {"sessionAffinity": "ClientIP"}},
    "PodDisruptionBudget": {"spec": {"maxUnavailable": 2}},
    "NetworkPolicy": {"spec": {"ingress": []}},
}


def test_no_kind_of_child_is_written_or_removed_while_paused(shop: Shop, audit: Audit) -> None:
    """Not by watch events, and not after a restart that wants other children."""
    shop.operator.ensure("--network-policies")
    shop.add_running("a", scaling={"mode": "Fixed", "minReplicas": 2})
    shop.serve("a")
    children = shop.children("a")
    assert {kind for kind, _ in children} == {*SPOILED, "ConfigMap"}
    shop.change("a", paused=True)
    shop.until_condition("a", "Progressing", "False", "Paused")
    mark = audit.mark()

    for kind, name in children:
        if kind in SPOILED:
            shop.merge(kind, name, SPOILED[kind])
    shop.delete("ConfigMap", next(name for kind, name in children if kind == "ConfigMap"))
    shop.change("a", scaling={"minReplicas": 1}, access={"callers": [{"podSelector": {}}]})
    shop.until("the newest generation to be seen", lambda: shop.is_seen("a"))
    shop.operator.ensure(sweep_seconds=1)
    shop.operator.pass_sweeps(2, keys=1)

    assert {kind for kind, _ in shop.children("a")} == set(SPOILED)
    for (kind, name), child in shop.children("a").items():
        for field, value in SPOILED[kind]["spec"].items():
            assert child["spec"].get(field, []) == value, (kind, name)
    written = {write.resource for write in audit.writes(shop.namespace, since=mark)}
    assert written <= {"inferenceservices/status", "events"}
    shop.change("a", paused=False)
    shop.until(
        "the wish as it is by now",
        lambda: (
            {kind for kind, _ in shop.children("a")} == {"Deployment", "Service", "ConfigMap"}
            or shop.start_pods("a")
        ),
    )
