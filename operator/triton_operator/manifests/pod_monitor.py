"""The PodMonitor by which the Prometheus operator finds the metrics of a service."""

from typing import Any

from triton_operator.manifests.companions import Monitors
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.selectors import service_selector


def pod_monitor(owner: Owner, monitors: Monitors) -> dict[str, Any]:
    """Every serving pod of every pool; the operator's labels win over those that were asked for."""
    metadata = owner.metadata(owner.name)
    endpoint = {"port": "metrics", "path": "/metrics"}
    if monitors.interval:
        endpoint["interval"] = monitors.interval
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {**metadata, "labels": {**monitors.labels, **metadata["labels"]}},
        "spec": {
            "selector": {"matchLabels": service_selector(owner.name)},
            "podMetricsEndpoints": [endpoint],
        },
    }
