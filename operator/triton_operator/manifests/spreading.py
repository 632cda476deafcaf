"""Where the replicas of one pool are in relation to each other."""

from collections.abc import Mapping
from typing import Any

TOPOLOGY_KEYS = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")


def topology_spread(selector: Mapping[str, str]) -> list[dict[str, Any]]:
    """Replicas on as many nodes and in as many zones as there are; a full node stops nobody.

    Only pods of one template count: in a rollout those that leave would push the new ones to where
    they are not wanted afterwards.
    """
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(selector)},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in TOPOLOGY_KEYS
    ]
