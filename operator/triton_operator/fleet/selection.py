"""Which clusters a service may be placed on: `spec.placement`, and labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from triton_operator.api.access import LabelRequirement, LabelSelector
from triton_operator.api.placement import Placement


def selects(
    placement: Placement, cluster: str, labels: Mapping[str, str], unread: Collection[str] = ()
) -> bool:
    """Whether a cluster of that name, with these labels, is among them; or may be, as nobody knows
    yet what its labels `unread` are."""
    if placement.cluster_names is not None and cluster not in placement.cluster_names:
        return False
    return placement.cluster_selector is None or matches(placement.cluster_selector, labels, unread)


def matches(
    selector: LabelSelector, labels: Mapping[str, str], unread: Collection[str] = ()
) -> bool:
    """As Kubernetes' own selectors; an empty one matches everything. What is asked of labels that
    are `unread` is taken for met."""
    wanted = selector.match_labels or {}
    return all(key in unread or labels.get(key) == value for key, value in wanted.items()) and all(
        one.key in unread or _is_met(one, labels) for one in selector.match_expressions or ()
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
