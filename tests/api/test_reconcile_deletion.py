"""Deleting a service removes all of it, by owner references alone."""

from tests.api.audit import Audit
from tests.api.shop import Shop


def test_everything_goes_but_the_profile(shop: Shop, audit: Audit) -> None:
    """What was found out about the model outlives the service that asked for it."""
    shop.add_running("a", scaling={"minReplicas": 2})
    shop.serve("a")
    shop.add_service("inspected")
    shop.until_inspection("inspected")
    shop.until_condition("inspected", "ModelReady", "Unknown", "Inspecting")
    shop.until("the end of the work", shop.operator.is_quiet)
    mark = audit.mark()

    for name in ("a", "inspected"):
        shop.delete("InferenceService", name)

    shop.until(
        "children, ReplicaSets and pods to go",
        lambda: (
            not any(shop.all(kind, s) for kind in ("ReplicaSet", "Pod") for s in ("a", "inspected"))
            and not shop.children("a")
            and not shop.children("inspected")
        ),
    )
    assert len(shop.all("ModelProfile")) == 1
    shop.until("the end of the work", shop.operator.is_quiet)
    written = [str(write) for write in audit.writes(shop.namespace, since=mark)]
    assert written == [], "no finalizer, no delete of ours, nothing recreated"


def test_it_works_without_the_operator(shop: Shop) -> None:
    """Whoever removed the operator first can still delete the services."""
    shop.add_running("a")
    shop.operator.stop()

    shop.delete("InferenceService", "a")

    shop.until_gone("Deployment", "a-cpu")
    shop.until_gone("Service", "a")
    shop.until_gone("InferenceService", "a")


def test_removing_the_operator_leaves_the_pods(shop: Shop) -> None:
    """Serving needs no operator."""
    shop.add_running("a")
    shop.serve("a")
    before = {place: c["metadata"]["resourceVersion"] for place, c in shop.children("a").items()}

    assert shop.operator.stop() == 0

    assert {p: c["metadata"]["resourceVersion"] for p, c in shop.children("a").items()} == before
    assert len(shop.all("Pod", "a")) == 1
