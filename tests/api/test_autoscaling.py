"""Replicas follow the load: the whole operator, real Deployments, pods that tell their metrics."""

import time
from collections.abc import Iterator

import pytest

from tests.api.loopback import NETWORK
from tests.api.served_load import ServedLoad, served_load
from tests.api.shop import Shop

OBJECTIVE = {"latency": {"milliseconds": 250}}
BOUNDS = {"minReplicas": 1, "maxReplicas": 8}
LONGEST_SECONDS = 120.0


@pytest.fixture
def load(shop: Shop) -> Iterator[ServedLoad]:
    """A service that serves on one replica, without any request yet."""
    shop.add_running("a", objective=OBJECTIVE, scaling=BOUNDS)
    with served_load(shop, "a", f"{NETWORK}.10") as load:
        yield load


def replicas(shop: Shop) -> int:
    found: int = shop.get("Deployment", "a-cpu")["spec"]["replicas"]
    return found


def until_replicas(shop: Shop, load: ServedLoad, low: int, high: int) -> None:
    """Play kubelet until the number of replicas is within these bounds, and all of them serve."""
    deadline = time.monotonic() + LONGEST_SECONDS
    seen = []
    while time.monotonic() < deadline:
        pods = load.start_pods()
        seen.append(replicas(shop))
        if low <= seen[-1] <= high and pods == seen[-1]:
            return
        assert shop.operator.running.alive()
        time.sleep(0.3)
    raise AssertionError(f"never between {low} and {high} replicas: {seen}; {shop.status('a')}")


def lowest_over(shop: Shop, load: ServedLoad, seconds: float) -> int:
    """The least replicas in the next seconds."""
    deadline = time.monotonic() + seconds
    lowest = replicas(shop)
    while time.monotonic() < deadline:
        load.start_pods()
        lowest = min(lowest, replicas(shop))
        time.sleep(0.3)
    return lowest


def test_replicas_follow_the_load_and_stay_without_metrics_and_over_a_restart(
    shop: Shop, load: ServedLoad
) -> None:
    load.start_pods()
    load.set_rate(40.0)
    shop.until_condition("a", "MetricsAvailable", "True", "MetricsFresh")
    # The service curve takes two readings of batch statistics, five seconds apart.
    until_replicas(shop, load, 1, 1)

    load.set_rate(220.0)
    # A queue grows before any of them is ready, so more may come at first than stay.
    until_replicas(shop, load, 4, 8)
    until_replicas(shop, load, 4, 6)
    told = shop.status("a")["autoscaling"]
    assert "requests/s" in told["lastDecision"]["reason"]
    assert any(event["reason"] == "Scaled" for event in shop.all("Event"))

    high = replicas(shop)
    load.silent = True
    shop.operator.stop()
    shop.operator.ensure()
    # A new process that sees nothing removes nothing.
    assert lowest_over(shop, load, 15.0) == high

    load.silent = False
    load.set_rate(30.0)
    until_replicas(shop, load, 1, 2)
    shop.until_condition("a", "MetricsAvailable", "True", "MetricsFresh")


def test_after_a_scale_the_floor_is_the_reason_and_the_change(shop: Shop, load: ServedLoad) -> None:
    """As `kubectl scale tisvc a --replicas=2` does it; the load needs one."""
    load.start_pods()
    load.set_rate(4.0)
    shop.until_condition("a", "MetricsAvailable", "True", "MetricsFresh")

    shop.change("a", scaling={**BOUNDS, "minReplicas": 2})

    def is_told() -> bool:
        load.start_pods()
        last = shop.status("a").get("autoscaling", {}).get("lastDecision", {})
        return bool((last.get("from"), last.get("to")) == (1, 2))

    shop.until("the change to be told", is_told)
    floor = "spec.scaling.minReplicas is 2: without it there would be 1"
    told = shop.status("a")["autoscaling"]
    assert told["lastDecision"]["reason"].startswith(floor)
    until_replicas(shop, load, 2, 2)
    scaled = [event for event in shop.all("Event") if event["reason"] == "Scaled"]
    assert [event["note"] for event in scaled] == [
        f"1 to 2 replicas: {told['lastDecision']['reason']}"
    ]


def test_replicas_of_others_are_left_alone_and_what_they_should_be_is_told(shop: Shop) -> None:
    shop.add_running("a", objective=OBJECTIVE, scaling={**BOUNDS, "mode": "External"})
    with served_load(shop, "a", f"{NETWORK}.11") as load:
        load.start_pods()
        load.set_rate(150.0)

        def is_told() -> bool:
            load.start_pods()
            told = shop.status("a").get("autoscaling", {})
            return bool(told.get("recommendedReplicas", 0) >= 3)

        shop.until("more replicas to be recommended", is_told)
        assert replicas(shop) == 1
        assert shop.condition("a", "ScalingLimited") == ("False", "NotScaled")
        assert "lastDecision" not in shop.status("a")["autoscaling"]

        # From now on the operator may scale, but for somebody else's autoscaler.
        shop.create("HorizontalPodAutoscaler", "somebodys", spec=hpa("a-cpu"))
        shop.change("a", scaling={"mode": "Auto"})
        shop.until_condition("a", "AutoscalerConflict", "True", "ScaledByOthers")
        assert lowest_over(shop, load, 5.0) == replicas(shop) == 1

        shop.delete("HorizontalPodAutoscaler", "somebodys")
        until_replicas(shop, load, 3, 8)
        assert shop.condition("a", "AutoscalerConflict")[0] == "False"


def hpa(deployment: str) -> dict[str, object]:
    """An autoscaler that never acts: there are no resource metrics here."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}
    utilization = {"type": "Utilization", "averageUtilization": 80}
    return {
        "scaleTargetRef": target,
        "minReplicas": 1,
        "maxReplicas": 8,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}],
    }
