"""How often a Prometheus is told to scrape."""

from tests.unit.manifests.building import OWNER
from triton_operator.manifests.companions import Monitors
from triton_operator.manifests.pod_monitor import pod_monitor


def test_prometheus_keeps_its_own_interval_unless_one_is_given() -> None:
    (endpoint,) = pod_monitor(OWNER, Monitors())["spec"]["podMetricsEndpoints"]
    assert endpoint == {"port": "metrics", "path": "/metrics"}

    (endpoint,) = pod_monitor(OWNER, Monitors(interval="5s"))["spec"]["podMetricsEndpoints"]
    assert endpoint == {"port": "metrics", "path": "/metrics", "interval": "5s"}
