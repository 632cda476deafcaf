"""What happened while the operator was away is carried out, repaired or forgotten."""

from tests.api.audit import Audit
from tests.api.shop import Shop
from tests.api.test_reconcile_replicas import cpu_limit, replicas


def image(shop: Shop) -> str:
    (container,) = shop.get("Deployment", "a-cpu")["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


def test_a_change_made_meanwhile_is_carried_out(shop: Shop) -> None:
    """By the first look, long before a sweep."""
    shop.add_running("a")
    shop.operator.stop()
    shop.change("a", hardware={"resources": {"cpu": "3"}}, scaling={"minReplicas": 2})
    shop.add_service("b", 1)

    shop.operator.start()

    shop.until("the new CPU limit", lambda: cpu_limit(shop) == "3")
    shop.until("two replicas", lambda: replicas(shop) == 2)
    shop.until_settled("b")


def test_a_child_deleted_meanwhile_comes_back(shop: Shop) -> None:
    """It is missing from the first listing; no event tells of it."""
    shop.add_running("a")
    shop.operator.stop()
    for kind in ("Deployment", "ConfigMap"):
        for name in shop.names(kind, "a"):
            shop.delete(kind, name)
    shop.until_gone("Deployment", "a-cpu")

    shop.operator.start()

    shop.until_settled("a")


def test_drift_made_meanwhile_is_repaired_by_the_first_sweep(shop: Shop) -> None:
    """The mark on the object still says that it is as wanted; the sweep does not believe it."""
    shop.add_running("a")
    wanted = image(shop)
    shop.operator.stop()
    template = shop.get("Deployment", "a-cpu")["spec"]["template"]
    template["spec"]["containers"][0]["image"] = "registry.example/other:1"
    shop.merge("Deployment", "a-cpu", {"spec": {"template": template}})

    shop.operator.start(sweep_seconds=1)

    shop.until("our image", lambda: image(shop) == wanted)


def test_a_service_deleted_meanwhile_leaves_nothing(shop: Shop, audit: Audit) -> None:
    """SIGKILL, so that nothing was handed over; the children go by their owner references."""
    shop.add_running("a")
    shop.operator.kill()
    mark = audit.mark()
    shop.delete("InferenceService", "a")
    shop.operator.start()

    shop.until("all of it to go", lambda: not shop.children("a"))
    shop.until("the end of the work", shop.operator.is_quiet)

    assert [str(write) for write in audit.writes(shop.namespace, since=mark)] == []


def test_killed_in_the_middle_it_goes_on(shop: Shop) -> None:
    """Half of the children exist; the next process knows nothing but what it sees."""
    shop.add_profile(1)
    for number in range(12):
        shop.add_service(f"a{number}", 1)
    shop.until("a first Deployment", lambda: bool(shop.all("Deployment")))
    shop.operator.kill()

    shop.operator.start()

    for number in range(12):
        shop.until_settled(f"a{number}")
