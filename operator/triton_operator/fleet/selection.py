"""Which clusters a service may be placed on: `spec.placement`, and labels."""

from __future__ import annotations

from collections.abc import Mapping

from triton_operator.api.access import LabelRequirement, LabelSelector
from triton_operator.api.placement import Placement


def selects(placement: Placement, cluster: str, labels: Mapping[str, str]) -> bool:
    """Whether a cluster of that name, with these labels, is among them."""
    if placement.cluster_names is not None and cluster not in placement.cluster_names:
        return False
    return placement.cluster_selector is None or matches(placement.cluster_selector, labels)


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """As Kubernetes' own selectors; an empty one matches everything."""
    wanted = selector.match_labels or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _is_met(one, labels) for one in selector.match_expressions or ()
    )


def _is_met(requirement: LabelRequirement, labels: Mapping[str, str]) -> bool:
    has = requirement.key in labels
    listed = labels.get(requirement.key) in (requirement.values or ())
    match requirement.operator:
        case "In":
            return has and listed
        case "NotIn":
            # Without the label too, as everywhere in Kubernetes.
            return not (has and listed)
        case "Exists":
            return has
        case "DoesNotExist":
            return not has
