"""What a service does not need any more goes; not before its successor serves, and nothing else."""

from typing import Any

from tests.api.client import Object
from tests.api.shop import Shop
from triton_operator.api import labels

FIRST, SECOND = "first-nodes", "second-nodes"


def marked(shop: Shop, kind: str, name: str, service: str) -> Object:
    """An object with the marks of a service's child, as an older version may have left it."""
    owner = shop.get("InferenceService", service)
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": service,
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    document = shop.reference(kind, name)
    document["metadata"] |= {
        "labels": {
            labels.MANAGED_BY: labels.MANAGER,
            labels.SERVICE: service,
            labels.OWNER_UID: owner["metadata"]["uid"],
        },
        "ownerReferences": [reference],
    }
    return document


def add_pools(shop: Shop) -> None:
    for name in (FIRST, SECOND):
        shop.create("ServingPool", name, spec={"nodeSelector": {"nodes": name}})


def places(shop: Shop, service: str, pool: str) -> set[tuple[str, str]]:
    """A service's children on one pool."""
    return {
        place
        for place, child in shop.children(service).items()
        if child["metadata"]["labels"].get(labels.POOL) == pool
    }


def versions(children: dict[tuple[str, str], Object]) -> dict[tuple[str, str], Any]:
    return {place: child["metadata"]["resourceVersion"] for place, child in children.items()}


def test_a_child_that_nobody_wants_is_pruned(shop: Shop) -> None:
    """Whatever carries the owner's uid and is not in the plan was left by an earlier one."""
    shop.add_running("a")
    shop.serve("a")

    shop.api.create({**marked(shop, "ConfigMap", "left-over", "a"), "data": {}})
    shop.api.create({**marked(shop, "Service", "left-over", "a"), "spec": {"ports": [{"port": 1}]}})

    for kind in ("ConfigMap", "Service"):
        shop.until_gone(kind, "left-over")
    assert {place[1] for place in shop.children("a")} >= {"a", "a-cpu"}


def test_a_config_is_kept_until_no_pod_needs_it(shop: Shop) -> None:
    """A pod of the old template that is rescheduled in the middle of a rollout needs its config."""
    shop.add_running("a")
    shop.serve("a")
    (old,) = shop.names("ConfigMap", "a")

    shop.change("a", batching={"mode": "Fixed", "maxBatchSize": 3})
    shop.until("the second config", lambda: len(shop.names("ConfigMap", "a")) == 2)
    shop.until_settled("a")

    assert old in shop.names("ConfigMap", "a"), "the new pods have not started"
    assert shop.condition("a", "Available")[0] == "True", "the old ones serve"
    assert shop.condition("a", "Progressing") == ("True", "RollingOut")
    shop.serve("a")
    shop.until("the old config to go", lambda: old not in shop.names("ConfigMap", "a"))


def test_another_pool_takes_over_before_the_old_one_goes(shop: Shop) -> None:
    """Moving to other nodes is no reason for an outage."""
    add_pools(shop)
    shop.add_running("a", hardware={"pools": [FIRST]})
    shop.serve("a")
    old = places(shop, "a", FIRST)
    assert {kind for kind, _ in old} == {"Deployment", "ConfigMap", "PodDisruptionBudget"}

    shop.change("a", hardware={"pools": [SECOND]})
    shop.until("children on the new pool", lambda: len(places(shop, "a", SECOND)) == 3)
    shop.until_settled("a")

    assert places(shop, "a", FIRST) == old, "its successor has not started"
    assert shop.condition("a", "Available")[0] == "True"
    shop.serve("a")
    shop.until("the old pool's children to go", lambda: places(shop, "a", FIRST) == set())
    assert len(places(shop, "a", SECOND)) == 3
    assert shop.status("a")["poolNames"] == SECOND


def test_nothing_of_another_service_is_touched(shop: Shop) -> None:
    """Two services side by side, and one of them moves away and is deleted."""
    add_pools(shop)
    shop.add_running("a", hardware={"pools": [FIRST]})
    shop.add_running("b", hardware={"pools": [FIRST]})
    shop.serve("a")
    shop.serve("b")
    before = versions(shop.children("b"))

    shop.change("a", hardware={"pools": [SECOND]})
    shop.until("children on the new pool", lambda: len(places(shop, "a", SECOND)) == 3)
    shop.serve("a")
    shop.until("the old pool's children to go", lambda: places(shop, "a", FIRST) == set())
    shop.delete("InferenceService", "a")
    shop.until("all of it to go", lambda: not shop.children("a"))

    assert versions(shop.children("b")) == before


def test_a_pool_that_vanishes_takes_nothing_down(shop: Shop) -> None:
    """A bad change of the cluster's description is told; what serves goes on serving."""
    add_pools(shop)
    shop.add_running("a", hardware={"pools": [FIRST]})
    shop.serve("a")
    before = places(shop, "a", FIRST)

    shop.delete("ServingPool", FIRST)

    shop.until_condition("a", "Planned", "False", "PoolNotFound")
    shop.until("the end of the work", lambda: shop.operator.is_quiet())
    assert places(shop, "a", FIRST) == before
    assert shop.condition("a", "Available")[0] == "True"
