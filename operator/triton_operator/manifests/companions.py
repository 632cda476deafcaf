"""Which objects around the pods this cluster wants, beyond those that every service has."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from triton_operator.api.access import LabelSelector, Peer

PROMETHEUS = (
    Peer(
        namespace_selector=LabelSelector(),
        pod_selector=LabelSelector(match_labels={"app.kubernetes.io/name": "prometheus"}),
    ),
)
"""Prometheus in any namespace, by the label that its operator and its charts give it."""


@dataclass(frozen=True)
class Policies:
    """NetworkPolicies are wanted; `prometheus` may read metrics, whoever may call.

    `operator`: the operator's own pods; None where it runs outside of the cluster.
    """

    prometheus: tuple[Peer, ...] = PROMETHEUS
    operator: Peer | None = None


@dataclass(frozen=True)
class Monitors:
    """PodMonitors are wanted, with these labels beside the operator's own.

    `interval` is the time between two scrapes, as Prometheus writes it; empty: its own default.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    interval: str = ""


@dataclass(frozen=True)
class Companions:
    """None where such an object is not wanted, or where the cluster does not know its kind."""

    policies: Policies | None = None
    monitors: Monitors | None = None


NO_COMPANIONS = Companions()
