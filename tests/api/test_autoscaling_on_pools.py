"""Load beyond what the GPUs have room for: the whole operator, pods that are ten times slower."""

import time

from tests.api.loopback import NETWORK
from tests.api.served_load import CAPACITY, ServedLoad, served_load
from tests.api.shop import Shop
from tests.api.test_autoscaling import OBJECTIVE
from tests.api.test_reconcile_pools import add_node
from triton_operator.api import labels

GPUS = 2
ON_GPU = 10 * CAPACITY
"""Requests/s of one replica there; one on a CPU does a tenth."""
LOAD = 2.5 * ON_GPU
LONGEST_SECONDS = 120.0


def replicas(shop: Shop) -> dict[str, int]:
    """Replicas by pool."""
    return {
        one["metadata"]["labels"][labels.POOL]: one["spec"]["replicas"]
        for one in shop.all("Deployment", "a")
    }


def alone(shop: Shop) -> str | None:
    """The pool whose pods get all requests."""
    found: str | None = shop.get("Service", "a")["spec"]["selector"].get(labels.POOL)
    return found


def play(shop: Shop, load: ServedLoad, what: str, least: float, holds: object) -> None:
    """Play kubelet until `holds`; all the time `least` requests/s have to be answered."""
    assert callable(holds)
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        load.start_pods()
        assert load.answered() >= least, f"{what}: {replicas(shop)}, alone: {alone(shop)}"
        if holds():
            return
        assert shop.operator.running.alive()
        time.sleep(0.3)
    raise AssertionError(
        f"never {what}: {replicas(shop)}, alone: {alone(shop)}; {shop.status('a')}"
    )


def test_requests_are_not_split_between_fast_and_slow_pods_and_go_where_all_are_served(
    shop: Shop,
) -> None:
    add_node(shop, "gpus", gpus=GPUS)
    add_node(shop, "cpus")
    shop.add_running(
        "a",
        objective=OBJECTIVE,
        hardware={"pools": ["gpu", "cpu"]},
        scaling={"minReplicas": 1, "maxReplicas": 8},
    )
    with served_load(shop, "a", f"{NETWORK}.12", {"gpu": 0.1}, {"gpu": GPUS}) as load:
        load.start_pods()
        load.set_rate(0.5 * ON_GPU)
        shop.until_condition("a", "MetricsAvailable", "True", "MetricsFresh")
        assert replicas(shop).keys() == {"gpu"}

        # Nobody knows yet how fast a CPU is: one replica finds out.
        load.set_rate(LOAD)
        play(shop, load, "a replica on CPUs", 0.0, lambda: replicas(shop).get("cpu", 0) == 1)
        play(shop, load, "kept from requests", 0.0, lambda: alone(shop) == "gpu")

        # Eight replicas on CPUs are less than two on GPUs: those serve alone, and it is said.
        on_gpus = 0.99 * GPUS * ON_GPU
        play(
            shop,
            load,
            "CPUs not in use",
            on_gpus,
            lambda: not replicas(shop).get("cpu") and replicas(shop)["gpu"] >= GPUS,
        )
        shop.until(
            "the limit to be said", lambda: shop.condition("a", "ScalingLimited")[0] == "True"
        )

        # With enough of them, CPUs serve all: alone, and not before they do no less.
        shop.change("a", scaling={"maxReplicas": 60})
        play(
            shop,
            load,
            "all requests on CPUs",
            on_gpus,
            lambda: alone(shop) == "cpu" and load.answered() >= 0.99 * LOAD,
        )
        play(
            shop,
            load,
            "GPUs to be given back",
            on_gpus,
            lambda: replicas(shop)["gpu"] == 0,
        )
