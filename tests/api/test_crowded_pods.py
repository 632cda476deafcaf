"""A pod whose queue is long gets no new requests until it is short: the whole operator."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.api.loopback import NETWORK
from tests.api.served_load import CAPACITY, LARGEST_BATCH, ServedLoad, served_load
from tests.api.shop import Shop
from tests.api.test_autoscaling import OBJECTIVE
from triton_operator.api import labels

PODS = 3
LOAD = 0.2 * CAPACITY
"""One pod serves it easily, also one that does half of what it can."""
LONGEST_SECONDS = 60.0
CROWDED = 2 * LARGEST_BATCH
"""Requests that wait, at least, in a pod that answers nothing for some seconds."""


@pytest.fixture
def load(shop: Shop) -> Iterator[ServedLoad]:
    """Three pods that serve a calm load, and whose speed is known."""
    shop.add_running(
        "a", objective=OBJECTIVE, scaling={"minReplicas": PODS, "maxReplicas": PODS + 1}
    )
    with served_load(shop, "a", f"{NETWORK}.14") as load:
        load.set_rate(LOAD)
        play(shop, load, "known speed", lambda: "safeRatePerReplica" in seen(shop))
        yield load


def play(shop: Shop, load: ServedLoad, what: str, holds: Callable[[], bool]) -> None:
    """Play kubelet, and let requests follow the Service, until `holds`."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        load.start_pods()
        if holds():
            return
        assert shop.operator.running.alive()
        time.sleep(0.3)
    raise AssertionError(f"never {what}: {traffic(shop)}; {shop.status('a')}")


def seen(shop: Shop) -> dict[str, object]:
    found: dict[str, object] = shop.status("a").get("autoscaling", {})
    return found


def traffic(shop: Shop) -> dict[str, str]:
    return {
        pod["metadata"]["name"]: pod["metadata"]["labels"][labels.TRAFFIC]
        for pod in shop.all("Pod", "a")
    }


def aside(shop: Shop) -> set[str]:
    return {name for name, value in traffic(shop).items() if value == labels.ASIDE}


def test_a_crowded_pod_is_left_out_of_the_service_and_comes_back(
    shop: Shop, load: ServedLoad
) -> None:
    crowded = min(traffic(shop))
    assert shop.get("Service", "a")["spec"]["selector"][labels.TRAFFIC] == labels.OPEN

    load.stall(crowded)
    play(shop, load, "aside", lambda: aside(shop) == {crowded})
    # From here on its queue is what it was: the Service selects the others.
    load.start_pods()
    before = load.waiting(crowded)
    assert before > CROWDED
    play(shop, load, "told", lambda: seen(shop).get("asideReplicas") == 1)
    assert load.waiting(crowded) == pytest.approx(before)
    assert load.answered() == pytest.approx(LOAD), "the others serve all"

    load.stall(crowded, False)
    play(shop, load, "back", lambda: not aside(shop))
    assert load.waiting(crowded) <= LARGEST_BATCH
    play(shop, load, "told", lambda: "asideReplicas" not in seen(shop))


def test_a_pause_brings_it_back_however_long_its_queue_is(shop: Shop, load: ServedLoad) -> None:
    crowded = min(traffic(shop))
    load.stall(crowded)
    play(shop, load, "aside", lambda: aside(shop) == {crowded})

    shop.change("a", paused=True)

    play(shop, load, "back", lambda: not aside(shop))
    assert load.waiting(crowded) > CROWDED


def test_a_new_operator_keeps_it_aside_and_takes_it_back(shop: Shop, load: ServedLoad) -> None:
    crowded = min(traffic(shop))
    load.stall(crowded)
    play(shop, load, "aside", lambda: aside(shop) == {crowded})

    shop.operator.stop()
    load.stall(crowded, False)
    shop.operator.ensure()

    play(shop, load, "back", lambda: not aside(shop))
