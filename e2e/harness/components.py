"""The command lines of the node's components, with the identities they need."""

from __future__ import annotations

from dataclasses import dataclass

from e2e.harness import dns, node
from e2e.harness.controlplane import ControlPlane
from e2e.harness.topology import Topology


@dataclass(frozen=True)
class NodePorts:
    """Free ports on loopback for what components tell of themselves."""

    dns_ready: int
    proxy_health: int
    proxy_metrics: int
    scheduler: int


def node_flags(
    topology: Topology, control_plane: ControlPlane, ports: NodePorts
) -> dict[str, list[str]]:
    """Component → its flags, in the order of their start; configuration files are written.

    The kubelet is last: it is what starts pods, and so is first to be stopped.
    """
    return {
        "kube-scheduler": _scheduler(control_plane, ports),
        "kube-proxy": _proxy(topology, control_plane, ports),
        "coredns": _coredns(topology, control_plane, ports),
        "kubelet": _kubelet(topology, control_plane),
    }


def _kubelet(topology: Topology, control_plane: ControlPlane) -> list[str]:
    user = f"/O=system:nodes/CN=system:node:{topology.node_name}"
    identity = control_plane.client_kubeconfig("kubelet", user)
    names = [f"DNS:{topology.node_name}", f"IP:{topology.node_ip}"]
    serving = control_plane.authority.issue("kubelet-serving", "/CN=kubelet", names)
    document = node.kubelet_configuration(topology, control_plane.ca, serving)
    configuration = node.write_yaml(topology.folder / "kubelet.yaml", document)
    return node.kubelet_flags(topology, configuration, identity)


def _proxy(topology: Topology, control_plane: ControlPlane, ports: NodePorts) -> list[str]:
    identity = control_plane.client_kubeconfig("kube-proxy", "/CN=system:kube-proxy")
    document = node.proxy_configuration(topology, identity, ports.proxy_health, ports.proxy_metrics)
    return [f"--config={node.write_yaml(topology.folder / 'kube-proxy.yaml', document)}"]


def _scheduler(control_plane: ControlPlane, ports: NodePorts) -> list[str]:
    identity = control_plane.client_kubeconfig("kube-scheduler", "/CN=system:kube-scheduler")
    return node.scheduler_flags(identity, ports.scheduler)


def _coredns(topology: Topology, control_plane: ControlPlane, ports: NodePorts) -> list[str]:
    identity = control_plane.client_kubeconfig("coredns", f"/CN={dns.USER}")
    target = topology.folder / "Corefile"
    target.write_text(dns.corefile(topology, identity, control_plane.name, ports.dns_ready))
    return ["-conf", str(target)]
