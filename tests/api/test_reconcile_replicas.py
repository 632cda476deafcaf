"""Replicas have one owner: the operator, or whoever scales instead of it."""

from tests.api.audit import Audit
from tests.api.client import Object
from tests.api.shop import Shop


def replicas(shop: Shop) -> int:
    return int(shop.get("Deployment", "a-cpu")["spec"]["replicas"])


def scale(shop: Shop, count: int) -> None:
    shop.merge("Deployment", "a-cpu", {"spec": {"replicas": count}}, "scale")


def cpu_limit(shop: Shop) -> str:
    (container,) = shop.get("Deployment", "a-cpu")["spec"]["template"]["spec"]["containers"]
    return str(container["resources"]["limits"]["cpu"])


def autoscaler(shop: Shop, minimum: int) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a-cpu"}
    return shop.create(
        "HorizontalPodAutoscaler",
        "elsewhere",
        spec={"minReplicas": minimum, "maxReplicas": 9, "scaleTargetRef": target},
    )


def scale_writes(shop: Shop, audit: Audit, since: int) -> list[str]:
    writes = audit.writes(shop.namespace, since=since)
    return [str(write) for write in writes if write.resource == "deployments/scale"]


def test_min_replicas_are_written(shop: Shop) -> None:
    shop.add_running("a", scaling={"minReplicas": 2})
    assert replicas(shop) == 2

    shop.change("a", scaling={"minReplicas": 3})

    shop.until("three replicas", lambda: replicas(shop) == 3)


def test_kubectl_scale_of_the_service_is_carried_out(shop: Shop) -> None:
    """The custom resource has a scale subresource of its own."""
    shop.add_running("a")

    shop.merge("InferenceService", "a", {"spec": {"replicas": 2}}, "scale")

    shop.until("two replicas", lambda: replicas(shop) == 2)


def test_replicas_are_put_back_where_the_operator_scales(shop: Shop) -> None:
    """One owner means one owner: a hand on the Deployment loses against the spec."""
    shop.add_running("a", scaling={"mode": "Fixed", "minReplicas": 2})

    scale(shop, 5)

    shop.until("two replicas again", lambda: replicas(shop) == 2)


def test_bounds_hold_at_once_and_within_them_the_number_stays(shop: Shop, audit: Audit) -> None:
    """How many are needed is for the autoscaler to say, and no pod here tells it anything."""
    shop.add_running("a", scaling={"minReplicas": 3, "maxReplicas": 4})

    mark = audit.mark()
    shop.change("a", scaling={"minReplicas": 1}, hardware={"resources": {"cpu": "3"}})
    shop.until("the new CPU limit", lambda: cpu_limit(shop) == "3")
    shop.until_settled("a")
    assert replicas(shop) == 3
    assert scale_writes(shop, audit, mark) == []

    shop.change("a", scaling={"maxReplicas": 2})

    shop.until("maxReplicas", lambda: replicas(shop) == 2)


def test_external_replicas_survive_our_changes(shop: Shop, audit: Audit) -> None:
    """Whoever scales, writes through /scale; no change of ours may reset that to one."""
    shop.add_running("a", scaling={"mode": "External"})
    scale(shop, 4)
    before, mark = cpu_limit(shop), audit.mark()

    shop.change("a", hardware={"resources": {"cpu": "3"}})

    shop.until("the new CPU limit", lambda: cpu_limit(shop) != before)
    shop.until_settled("a")
    assert replicas(shop) == 4
    assert scale_writes(shop, audit, mark) == []
    assert shop.status("a")["desiredReplicas"] == 4


def test_an_hpa_in_external_mode_is_no_conflict(shop: Shop, audit: Audit) -> None:
    """That is what External is for."""
    shop.add_running("a", scaling={"mode": "External"})
    mark = audit.mark()

    autoscaler(shop, minimum=3)
    scale(shop, 3)
    shop.change("a", hardware={"resources": {"cpu": "3"}})

    shop.until("the new CPU limit", lambda: cpu_limit(shop) == "3")
    shop.until_settled("a")
    assert replicas(shop) == 3
    assert scale_writes(shop, audit, mark) == []
    assert shop.condition("a", "AutoscalerConflict") == ("False", "NoConflict")


def test_a_second_autoscaler_is_told_and_not_fought(shop: Shop, audit: Audit) -> None:
    """Two that scale would undo each other for ever; the operator is the one that yields."""
    shop.add_running("a", scaling={"minReplicas": 2})
    mark = audit.mark()

    autoscaler(shop, minimum=3)
    shop.until_condition("a", "AutoscalerConflict", "True", "ScaledByOthers")
    # As the autoscaler does itself, a quarter of a minute later.
    scale(shop, 3)
    shop.change("a", scaling={"minReplicas": 4}, hardware={"resources": {"cpu": "3"}})
    shop.until("the new CPU limit", lambda: cpu_limit(shop) == "3")
    shop.until_settled("a")
    assert replicas(shop) == 3
    assert scale_writes(shop, audit, mark) == []

    shop.delete("HorizontalPodAutoscaler", "elsewhere")

    shop.until_condition("a", "AutoscalerConflict", "False", "NoConflict")
    shop.until("the spec's replicas", lambda: replicas(shop) == 4)
