"""The PodDisruptionBudget of one pool: a drained node takes one replica at a time."""

from typing import Any

from triton_operator.api import labels
from triton_operator.manifests import names
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.selectors import pool_selector


def wants_budget(most: int | None) -> bool:
    """Whether a pool of up to so many replicas gets a budget; None: others say how many.

    With one replica a budget would say nothing. Where their number moves, it is there whatever the
    number is now: `maxUnavailable: 1` holds up no drain of a single replica, and an object that
    comes and goes with the load would help nobody.
    """
    return most is None or most > 1


def disruption_budget(owner: Owner, pool: str) -> dict[str, Any]:
    """At most one replica of the pool leaves at a time; one that is not ready never blocks."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": owner.metadata(names.pool_child(owner.name, pool), {labels.POOL: pool}),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": pool_selector(owner.name, pool)},
            # Else a pod that crashes or waits would hold up the drain that could cure it.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
