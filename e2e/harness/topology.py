"""Names and addresses of one native cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from e2e.harness.paths import cache_root, state_root


@dataclass(frozen=True)
class Topology:
    """One node on this machine. 198.18.0.0/15 is reserved for benchmarks (RFC 2544) and routed
    nowhere.

    `internet`: pods may reach and resolve what the machine can; else the cluster is closed.
    """

    name: str = "dev"
    machine_range: str = "198.18.0.0/15"
    node_ip: str = "198.18.255.1"
    pod_cidr: str = "198.18.0.0/24"
    service_cidr: str = "198.19.0.0/16"
    service_ip: str = "198.19.0.1"
    apiserver_port: int = 6443
    internet: bool = False

    @property
    def node_name(self) -> str:
        """Name of the only node."""
        return f"{self.name}-node"

    @property
    def cgroup(self) -> str:
        """The cgroup below each hierarchy's root that holds every pod."""
        return f"triton-operator-{self.name}"

    @property
    def pod_network(self) -> str:
        """Name of the CNI network."""
        return f"triton-operator-{self.name}"

    @property
    def folder(self) -> Path:
        """All state of this cluster; only its `log` folder survives `down`."""
        return state_root() / "clusters" / self.name

    @property
    def containerd_root(self) -> Path:
        """containerd's content and snapshots: a cache, so that images are imported once."""
        return cache_root() / "containerd" / self.name

    @property
    def containerd_socket(self) -> Path:
        """Where containerd answers."""
        return self.folder / "containerd.sock"
