"""A placement in the words of the PlacementDecision API (KEP-5313): which clusters are chosen.

It has no place for shares or bounds; those are in `status.placement`. What changes with every
decision is left out, as whoever reads it acts on each change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from triton_operator.api.enums import Tier
from triton_operator.api.inference_cluster import ClusterProfileReference
from triton_operator.fleet.mailbox import MANAGER
from triton_operator.fleet.works import work_name

Manifest = dict[str, Any]
API_VERSION = "multicluster.x-k8s.io/v1alpha1"
MOST_IN_SLICE = 100
DECISION_KEY = "multicluster.x-k8s.io/decision-key"
"""Label: the same on all slices of one decision."""
DECISION_INDEX = "multicluster.x-k8s.io/decision-index"
"""Label: the place of a slice, from 0."""
PLACEMENT_KEY = "multicluster.x-k8s.io/placement-key"
"""Label: what was placed."""


@dataclass(frozen=True)
class Chosen:
    """A cluster that has a part."""

    profile: ClusterProfileReference
    tier: Tier


def decision_slices(
    namespace: str,
    service: str,
    chosen: Sequence[Chosen],
    metadata: Callable[[int], Manifest],
) -> list[Manifest]:
    """One slice for each hundred clusters, in the order of filling; one without any where nobody is
    chosen. `metadata`: of the slice at that place, with labels."""
    key = work_name(namespace, service)
    slices: list[Manifest] = []
    for index in range(max(1, -(-len(chosen) // MOST_IN_SLICE))):
        own = metadata(index)
        labels = {
            **own["labels"],
            DECISION_KEY: key,
            DECISION_INDEX: str(index),
            PLACEMENT_KEY: key,
        }
        first = MOST_IN_SLICE * index
        slices.append(
            {
                "apiVersion": API_VERSION,
                "kind": "PlacementDecision",
                "metadata": {**own, "labels": labels},
                "schedulerName": MANAGER,
                "decisions": [_decision(one) for one in chosen[first : first + MOST_IN_SLICE]],
            }
        )
    return slices


def _decision(chosen: Chosen) -> Manifest:
    profile = chosen.profile
    return {
        "clusterProfileRef": {"name": profile.name, "namespace": profile.namespace},
        "reason": f"has a part, as a cluster of tier {chosen.tier.value}",
    }
