"""PodMonitors follow the definition of their kind: it comes, and they are made; it goes, no error.

The definition stands for the Prometheus operator's: the same names, any fields.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from tests.api.shop import Shop

SWEEP_SECONDS = 1.0
DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "podmonitors.monitoring.coreos.com"},
    "spec": {
        "group": "monitoring.coreos.com",
        "names": {"kind": "PodMonitor", "plural": "podmonitors", "singular": "podmonitor"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "x-kubernetes-preserve-unknown-fields": True,
                            }
                        },
                    }
                },
            }
        ],
    },
}


def is_served(api: Api) -> bool:
    try:
        api.request("GET", "/apis/monitoring.coreos.com/v1/podmonitors")
    except RefusedError as refusal:
        if refusal.code in (404, 429, 503):
            return False
        raise
    return True


def define(api: Api) -> None:
    api.create(DEFINITION)
    wait_until("PodMonitors to be served", lambda: is_served(api), timeout_seconds=30)


def undefine(api: Api) -> None:
    api.delete(DEFINITION)
    wait_until("PodMonitors to be unknown", lambda: not is_served(api), timeout_seconds=30)


@pytest.fixture
def defined(stage_api: Api) -> Iterator[Callable[[bool], None]]:
    """Says whether the cluster knows PodMonitors; it does not afterwards."""

    def say(known: bool) -> None:
        if known != is_served(stage_api):
            (define if known else undefine)(stage_api)

    say(False)
    yield say
    say(False)


@contextmanager
def no_trouble(shop: Shop) -> Iterator[None]:
    """No reconcile fails meanwhile."""
    results = shop.operator.results()
    yield
    after = shop.operator.results()
    failed = {name for name, count in after.items() if count > results.get(name, 0)}
    assert failed <= {"ok"}, after


def test_a_definition_that_comes_brings_pod_monitors_and_takes_them_along(
    shop: Shop, defined: Callable[[bool], None]
) -> None:
    shop.operator.ensure("--pod-monitor-label=release=prometheus", sweep_seconds=SWEEP_SECONDS)
    shop.add_running("a")
    with no_trouble(shop):
        defined(True)
        shop.until("a PodMonitor", lambda: shop.find("PodMonitor", "a") is not None)
        made = shop.get("PodMonitor", "a")
        assert made["metadata"]["labels"]["release"] == "prometheus"
        assert made["spec"]["podMetricsEndpoints"] == [{"port": "metrics", "path": "/metrics"}]
        selector = made["spec"]["selector"]["matchLabels"].items()
        pods = shop.all("Pod", "a")
        assert pods
        assert all(selector <= pod["metadata"]["labels"].items() for pod in pods)

        defined(False)
        shop.operator.pass_sweeps(2, keys=1)
        shop.change("a", scaling={"minReplicas": 2})
        shop.until_settled("a")
        shop.serve("a")


def test_a_pod_monitor_is_put_back(shop: Shop, defined: Callable[[bool], None]) -> None:
    """It is not watched: the next sweep sees what happened to it."""
    defined(True)
    shop.operator.ensure(sweep_seconds=SWEEP_SECONDS)
    shop.add_running("a")
    shop.until("a PodMonitor", lambda: shop.find("PodMonitor", "a") is not None)

    shop.merge("PodMonitor", "a", {"spec": {"podMetricsEndpoints": []}})
    shop.until(
        "its endpoint", lambda: shop.get("PodMonitor", "a")["spec"]["podMetricsEndpoints"] != []
    )
    shop.delete("PodMonitor", "a")
    shop.until("another one", lambda: shop.find("PodMonitor", "a") is not None)


def test_pod_monitors_that_are_switched_off_go_and_a_pause_keeps_them(
    shop: Shop, defined: Callable[[bool], None]
) -> None:
    defined(True)
    shop.operator.ensure(sweep_seconds=SWEEP_SECONDS)
    for name in ("a", "b"):
        if shop.find("InferenceService", name) is None:
            shop.add_profile(1) if name == "a" else None
            shop.add_service(name, 1)
        shop.until(f"a PodMonitor of {name}", lambda name=name: bool(shop.find("PodMonitor", name)))
    shop.change("b", paused=True)
    shop.until_condition("b", "Progressing", "False", "Paused")

    shop.operator.ensure("--no-pod-monitors", sweep_seconds=SWEEP_SECONDS)

    shop.until("none of a", lambda: shop.find("PodMonitor", "a") is None)
    assert shop.find("PodMonitor", "b") is not None
