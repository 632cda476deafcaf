"""What `triton-operator hub` is told."""

from dataclasses import dataclass
from pathlib import Path

from triton_operator.controllers.leadership import LeaseOptions


@dataclass(frozen=True)
class HubOptions:
    """How the hub runs. `http_port` 0: no endpoints. `lease` None: it is the only one.

    `place_seconds`: between two placements of a service where nothing happens; `debounce_seconds`:
    from an event to a placement; `look_seconds`: between two looks at the silence of clusters;
    `sweep_seconds`: between two looks for works whose service is gone; `probe_seconds`: between two
    questions to each endpoint; `profile_seconds`: between two looks at ClusterProfiles;
    `kinds_seconds`: how long it is believed which kinds of others there are; `push_seconds`:
    between two looks at the kubeconfigs in `push_namespace`.

    `dns_domains`: in which services may have names.
    """

    kubeconfig: Path | None = None
    http_port: int = 8080
    identity: str = "triton-operator-hub"
    lease: LeaseOptions | None = None
    workers: int = 8
    place_seconds: float = 30.0
    debounce_seconds: float = 2.0
    look_seconds: float = 5.0
    sweep_seconds: float = 60.0
    probe_seconds: float = 15.0
    profile_seconds: float = 60.0
    kinds_seconds: float = 60.0
    dns_domains: tuple[str, ...] = ()
    push_seconds: float = 15.0
    push_namespace: str = "default"
