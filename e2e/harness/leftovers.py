"""Lists what a native cluster has on this machine; after `down` the list is empty."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from e2e.harness import cgroups, firewall, mounts, network
from e2e.harness.containerd import shim_ids
from e2e.harness.topology import Topology

# Not kubectl, which a person may be running on the cluster's kubeconfig.
COMPONENTS = ("etcd", "kube-", "kubelet", "containerd", "coredns", "runc")
CNI_RESULTS = Path("/var/lib/cni/results")
CONTAINER_LOGS = Path("/var/log/containers")
KUBELET_SOCKET = Path("/var/lib/kubelet/device-plugins/kubelet.sock")
SHIM_SOCKETS = Path("/run/containerd/s")
EMPTIED = (
    CNI_RESULTS,
    CNI_RESULTS.parent,
    CONTAINER_LOGS,
    KUBELET_SOCKET.parent,
    KUBELET_SOCKET.parent.parent,
    SHIM_SOCKETS,
    SHIM_SOCKETS.parent,
)
"""Folders that components make for themselves; another runtime's are not empty."""


def leftovers(topology: Topology, chains_before: dict[str, set[str]] | None = None) -> list[str]:
    """One line per thing of the cluster that exists: process, mount, address, route, chain, cgroup,
    file.

    `chains_before`: iptables chains that were there before the cluster (they are not counted).
    """
    found = [f"process {pid}: {command}" for pid, command in processes_of(topology)]
    found += [f"process {pid} in a pod's cgroup" for pid in sorted(_pod_processes(topology))]
    for folder in (topology.folder, topology.containerd_root):
        found += [f"mount {point}" for point in mounts.mounts_below(folder)]
    found += [f"address {a} on {link}" for link, a in network.addresses(topology)]
    found += [f"route {route['dst']}" for route in network.routes(topology)]
    for family, names in firewall.chains().items():
        kept = (chains_before or {}).get(family, set())
        found += [f"{family} chain {name}" for name in sorted(names - kept)]
    found += [f"cgroup {folder}" for folder in cgroups.folders(topology.cgroup)]
    found += [f"file {path}" for path in files(topology)]
    return found


def processes_of(topology: Topology) -> list[tuple[int, str]]:
    """(pid, command) of each process whose arguments name the cluster's folder, and of shims."""
    marks = (os.fsencode(topology.folder) + b"/", os.fsencode(topology.containerd_socket))
    shims = set(shim_ids(topology))
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            executable = os.path.basename(os.readlink(entry / "exe"))
            component = any(mark in words for mark in marks) and executable.startswith(COMPONENTS)
            if component or pid in shims:
                found.append((pid, executable))
    return sorted(found)


def files(topology: Topology) -> list[Path]:
    """What components wrote outside the cluster's folder: its place is fixed in their source."""
    prefix = f"{topology.pod_network}-"
    found = list(CNI_RESULTS.glob(f"{prefix}*"))
    # Each pod joins the loopback network too, whose name is the same for everybody.
    for container_id in {path.name.removeprefix(prefix).split("-")[0] for path in found}:
        found += CNI_RESULTS.glob(f"cni-loopback-{container_id}-*")
    for link in CONTAINER_LOGS.glob("*.log"):
        if link.is_symlink() and topology.folder in Path(os.readlink(link)).parents:
            found.append(link)
    return sorted({*found, *_shim_sockets(topology)})


def _shim_sockets(topology: Topology) -> list[Path]:
    """Sockets of shims that were killed: each shim's folder names its own."""
    tasks = topology.folder / "containerd" / "state" / "io.containerd.runtime.v2.task"
    found = []
    for file in tasks.glob("*/*/address"):
        with contextlib.suppress(OSError):
            path = Path(file.read_text().strip().removeprefix("unix://"))
            if path.parent == SHIM_SOCKETS and path.exists():
                found.append(path)
    return found


def remove_files(topology: Topology) -> None:
    """Remove what `files` lists, and the folders around it once they are empty."""
    for path in files(topology):
        path.unlink(missing_ok=True)
    if not _answers(KUBELET_SOCKET):
        KUBELET_SOCKET.unlink(missing_ok=True)
    for folder in EMPTIED:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _answers(address: Path) -> bool:
    """Whether somebody (another kubelet) listens on a socket file."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(address)) == 0


def _pod_processes(topology: Topology) -> set[int]:
    return cgroups.process_ids(topology.cgroup)
