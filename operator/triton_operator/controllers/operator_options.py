"""What `triton-operator run` is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triton_operator.autoscaling.sources.metric_options import MetricOptions
from triton_operator.controllers.leadership import LeaseOptions
from triton_operator.manifests.companions import NO_COMPANIONS, Companions
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.planning.pools import PoolDefaults


@dataclass(frozen=True)
class OperatorOptions:
    """How the operator runs. No namespaces: all of them. `http_port` 0: no endpoints.

    `ca_bundle_file` is where `fetch.ca_bundle` came from: every sweep reads it again.
    """

    fetch: FetchSettings
    defaults: PoolDefaults
    namespaces: Sequence[str] = ()
    kubeconfig: Path | None = None
    http_port: int = 8080
    workers: int = 16
    sweep_seconds: float = 600.0
    identity: str = "triton-operator"
    ca_bundle_file: Path | None = None
    companions: Companions = NO_COMPANIONS
    lease: LeaseOptions | None = None
    """None: this is the only operator, and it leads without asking."""
    metrics: MetricOptions = field(default_factory=MetricOptions)
