"""A PodDisruptionBudget where there may be more replicas, and never one that blocks a drain."""

from tests.api.shop import Shop
from tests.api.test_reconcile_replicas import autoscaler, scale


def budgets(shop: Shop) -> set[str]:
    return shop.names("PodDisruptionBudget", "a")


def test_a_budget_comes_and_goes_with_the_second_replica(shop: Shop) -> None:
    shop.add_running("a", scaling={"mode": "Fixed"})
    assert budgets(shop) == set()

    shop.change("a", scaling={"mode": "Fixed", "minReplicas": 2})

    shop.until("a budget", lambda: budgets(shop) == {"a-cpu"})
    spec = shop.get("PodDisruptionBudget", "a-cpu")["spec"]
    assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    shop.serve("a")
    shop.change("a", scaling={"mode": "Fixed", "minReplicas": 1})
    shop.serve("a")
    shop.until("no budget", lambda: budgets(shop) == set())


def test_a_budget_is_there_before_the_load_brings_a_second_replica(shop: Shop) -> None:
    shop.add_running("a")
    assert budgets(shop) == {"a-cpu"}

    shop.change("a", scaling={"maxReplicas": 1})

    shop.serve("a")
    shop.until("no budget", lambda: budgets(shop) == set())


def test_a_budget_allows_one_disruption_whatever_others_scale_to(shop: Shop) -> None:
    """So it need not come and go with their number."""
    shop.add_running("a", scaling={"mode": "External"})
    shop.serve("a")

    def one_may_go_of(replicas: int) -> bool:
        # The service may still say that it serves while its new pods are not there yet.
        shop.start_pods("a")
        status = shop.get("PodDisruptionBudget", "a-cpu").get("status", {})
        return (status.get("expectedPods"), status.get("disruptionsAllowed")) == (replicas, 1)

    shop.until("the only replica may go", lambda: one_may_go_of(1))
    first = shop.get("PodDisruptionBudget", "a-cpu")["metadata"]["uid"]
    scale(shop, 3)
    shop.until("one of three may go", lambda: one_may_go_of(3))
    assert shop.get("PodDisruptionBudget", "a-cpu")["metadata"]["uid"] == first


def test_an_autoscaler_brings_a_budget_and_takes_it_along(shop: Shop) -> None:
    shop.add_running("a", scaling={"mode": "Fixed"})
    shop.serve("a")

    autoscaler(shop, 1)

    shop.until("a budget", lambda: budgets(shop) == {"a-cpu"})
    shop.delete("HorizontalPodAutoscaler", "elsewhere")
    shop.until("no budget", lambda: budgets(shop) == set())


def test_a_budget_edited_by_hand_is_put_back(shop: Shop) -> None:
    """`minAvailable` of somebody else excludes what is wanted; it is taken out again."""
    shop.add_running("a", scaling={"minReplicas": 2})

    shop.merge(
        "PodDisruptionBudget", "a-cpu", {"spec": {"maxUnavailable": None, "minAvailable": 2}}
    )

    shop.until(
        "its own bound",
        lambda: (
            shop.get("PodDisruptionBudget", "a-cpu")["spec"].get("maxUnavailable") == 1
            and "minAvailable" not in shop.get("PodDisruptionBudget", "a-cpu")["spec"]
        ),
    )
    shop.until_settled("a")
    assert shop.condition("a", "Progressing")[1] != "ApplyRefused"
