"""What happens while the API server or etcd goes away, and in a namespace that ends."""

from collections.abc import Callable, Iterator

import pytest

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.api.audit import Audit
from tests.api.client import Object
from tests.api.shop import Shop
from triton_operator.api import labels

BURST = 50
MOST_REFUSALS = 100
"""For ten services: a few each until they are seen to be gone, and no storm."""


@pytest.fixture
def burst(shop: Shop) -> Iterator[Callable[[int, int], None]]:
    """Creates services from one number to another."""
    shop.add_profile(1)

    def create(first: int, last: int) -> None:
        for number in range(first, last):
            shop.add_service(f"a{number}", 1)

    yield create
    shop.until("the end of the work", shop.operator.is_quiet)


def is_complete(shop: Shop) -> bool:
    """Whether every service of the burst has exactly one Deployment and one ConfigMap."""
    expected = sorted(f"a{number}" for number in range(BURST))
    children = (
        sorted(
            one["metadata"]["labels"][labels.SERVICE]
            for one in shop.all(kind)
            if labels.SERVICE in one["metadata"].get("labels", {})
        )
        for kind in ("Deployment", "ConfigMap")
    )
    return all(names == expected for names in children) and all(
        is_seen(one) for one in shop.all("InferenceService")
    )


def is_seen(service: Object) -> bool:
    status = service.get("status") or {}
    return bool(status.get("observedGeneration") == service["metadata"]["generation"])


@pytest.mark.parametrize("what", ["the API server", "the API server, killed", "etcd, killed"])
def test_a_restart_under_load(
    shop: Shop, stage: ControlPlane, burst: Callable[[int, int], None], what: str
) -> None:
    burst(0, BURST // 2)
    shop.until("a first Deployment", lambda: bool(shop.all("Deployment")))

    if what == "etcd, killed":
        stage.restart_etcd()
    else:
        stage.restart_apiserver(kill=what.endswith("killed"))
    burst(BURST // 2, BURST)

    wait_until(
        "waiting for every service to be complete",
        lambda: is_complete(shop),
        timeout_seconds=120,
        needs=[shop.operator.running],
        poll_seconds=1,
    )


def test_a_namespace_that_ends_is_left_in_peace(shop: Shop, audit: Audit) -> None:
    """What it refuses is no reason to ask again and again."""
    shop.add_profile(1)
    for number in range(10):
        shop.add_service(f"a{number}", 1)
    shop.until("a first Deployment", lambda: bool(shop.all("Deployment")))

    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": shop.namespace}}
    shop.api.delete(place)

    wait_until(
        "waiting for the services to go",
        lambda: not shop.all("InferenceService"),
        timeout_seconds=60,
        needs=[shop.operator.running],
    )
    shop.until("the end of the work", shop.operator.is_quiet)
    refused = [write for write in audit.writes(shop.namespace) if write.code >= 400]
    assert len(refused) <= MOST_REFUSALS
