"""By which labels services select a cluster: its own, and those that its ClusterProfile gives it.

A profile is kept by somebody else, who may have it from the cluster itself. So it gives only labels
that the InferenceCluster names, it replaces none of the cluster's own, and its word is kept while
it is not there: a service is not taken from a cluster because something was not found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from triton_operator.api.fields import LABEL_VALUE_PATTERN, MOST_LABEL_VALUE

Body = Mapping[str, Any]
MOST_READ = 1000
"""Properties of a profile that are looked at."""
HEALTH = "ControlPlaneHealthy"
"""The condition that KEP-4322 defines."""


@dataclass(frozen=True)
class ProfileReading:
    """What a ClusterProfile says. `taken`: labels that it gives; `refused`: those that it does not,
    and why. `health`: status of its condition ControlPlaneHealthy; empty: it says none.

    `unsaid`: labels that it does not give, while it has no properties at all. Whoever keeps it may
    not have written them yet.
    """

    taken: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    health: str = ""
    unsaid: tuple[str, ...] = ()


def read_profile(profile: Body, wanted: Sequence[str]) -> ProfileReading:
    """Of a ClusterProfile (`multicluster.x-k8s.io/v1alpha1`), the labels that are wanted: its
    properties of that name, or else its labels."""
    properties = _properties(profile)
    told = {**_own_labels(profile), **properties}
    taken, refused, unsaid = {}, {}, []
    for key in wanted:
        value = told.get(key)
        if value is None and not properties:
            unsaid.append(key)
        elif value is None:
            refused[key] = "is neither a property nor a label of it"
        elif not isinstance(value, str) or not _is_label_value(value):
            refused[key] = "has a value there that no label can have"
        else:
            taken[key] = value
    return ProfileReading(taken, refused, _health(profile), tuple(unsaid))


def cluster_labels(cluster: Body) -> dict[str, str]:
    """Of an InferenceCluster, by what the hub has noted in its status."""
    reference = (cluster.get("spec") or {}).get("clusterProfile") or {}
    noted = noted_labels(cluster.get("status") or {}, reference.get("labels") or ())
    return {**noted, **(cluster["metadata"].get("labels") or {})}


def unread_labels(cluster: Body, refused: Collection[str]) -> frozenset[str]:
    """Labels that an InferenceCluster is to have from its profile and that nobody has read there:
    it has none of its own, none is noted, and the profile has not said that it gives none
    (`refused`). Whoever selects by them cannot know yet."""
    reference = (cluster.get("spec") or {}).get("clusterProfile") or {}
    return frozenset(reference.get("labels") or ()) - cluster_labels(cluster).keys() - set(refused)


def noted_labels(status: Body, wanted: Sequence[str]) -> dict[str, str]:
    """Labels that a profile gave when it was last read, as far as they are still wanted."""
    rows = status.get("takenLabels") or ()
    return {row["key"]: row["value"] for row in rows if row["key"] in wanted}


def _own_labels(profile: Body) -> Mapping[str, Any]:
    labels = (profile.get("metadata") or {}).get("labels")
    return labels if isinstance(labels, Mapping) else {}


def _properties(profile: Body) -> dict[str, Any]:
    told: dict[str, Any] = {}
    rows = _status(profile).get("properties")
    for row in reversed(rows[:MOST_READ] if isinstance(rows, list) else []):
        # Of two of one name, the first one.
        if isinstance(row, Mapping) and isinstance(row.get("name"), str):
            told[row["name"]] = row.get("value")
    return told


def _health(profile: Body) -> str:
    rows = _status(profile).get("conditions")
    for row in rows[:MOST_READ] if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and row.get("type") == HEALTH:
            said = row.get("status")
            return said if said in ("True", "False", "Unknown") else ""
    return ""


def _status(profile: Body) -> Body:
    status = profile.get("status")
    return status if isinstance(status, Mapping) else {}


def _is_label_value(value: str) -> bool:
    return len(value) <= MOST_LABEL_VALUE and re.fullmatch(LABEL_VALUE_PATTERN, value) is not None
