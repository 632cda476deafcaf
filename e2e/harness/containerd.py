"""A containerd of our own: its root, state and socket are the cluster's alone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

from e2e.harness import processes
from e2e.harness.commands import run
from e2e.harness.errors import CommandFailedError
from e2e.harness.images import BuiltImage
from e2e.harness.processes import Running
from e2e.harness.topology import Topology
from e2e.harness.waiting import wait_until

NAMESPACE = "k8s.io"
START_TIMEOUT_SECONDS = 30.0
IMPORT_TIMEOUT_SECONDS = 600.0
CNI_PLUGINS = "/usr/lib/cni"


def configuration(topology: Topology, pause: str) -> str:
    """containerd's TOML. `pause`: reference of the image that holds a pod's namespaces."""
    folder = topology.folder / "containerd"
    return f"""version = 2
root = "{topology.containerd_root}"
state = "{folder}/state"
[grpc]
  address = "{topology.containerd_socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  # Where negative OOM scores are not permitted, every sandbox fails without this.
  restrict_oom_score_adj = true
  sandbox_image = "{pause}"
  # /var/run/netns is shared with `ip netns`, which remounts it and so hides pods' namespaces.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "{topology.folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "{folder}/runc"
"""


def pod_network(topology: Topology) -> str:
    """The CNI configuration: each pod has a veth pair of its own and is routed to by the host.

    `ptp` and not `bridge`: between two pods on a bridge, answers of a Service bypass the host's
    address translation unless the kernel has br_netfilter. Without `internet`, pods have no default
    route at all.
    """
    destination = "0.0.0.0/0" if topology.internet else topology.machine_range
    plugin = {
        "type": "ptp",
        "ipMasq": topology.internet,
        "ipam": {
            "type": "host-local",
            "dataDir": str(topology.folder / "ipam"),
            "ranges": [[{"subnet": topology.pod_cidr}]],
            "routes": [{"dst": destination}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps(
        {"cniVersion": "1.0.0", "name": topology.pod_network, "plugins": [plugin, ports]}, indent=2
    )


class Containerd:
    """The runtime of one cluster, through its `ctr` command."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    def start(self, pause: str, on_start: Callable[[Running], None]) -> Running:
        """Write the configuration, start, tell `on_start`, and wait until it answers."""
        folder = self._topology.folder
        config = folder / "containerd" / "config.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(configuration(self._topology, pause))
        network = folder / "cni" / "10-pods.conflist"
        network.parent.mkdir(exist_ok=True)
        network.write_text(pod_network(self._topology))
        running = processes.start(
            "containerd", ["containerd", "--config", config], folder / "log" / "containerd.log"
        )
        on_start(running)
        wait_until(
            "waiting for containerd",
            self.answers,
            timeout_seconds=START_TIMEOUT_SECONDS,
            needs=[running],
        )
        return running

    def answers(self) -> bool:
        """Whether it serves requests now."""
        try:
            self.ctr("version", timeout_seconds=5)
        except CommandFailedError:
            return False
        return True

    def ctr(self, *words: str | Path, timeout_seconds: float = 60) -> str:
        """Stdout of one ctr command in the kubelet's namespace."""
        socket = self._topology.containerd_socket
        argv = ["ctr", "--address", socket, "--namespace", NAMESPACE, *words]
        return run(argv, timeout_seconds=timeout_seconds)

    def images(self) -> set[str]:
        """References of all imported images."""
        return set(self.ctr("images", "list", "--quiet").split())

    def load(self, image: BuiltImage) -> None:
        """Import an image's archive unless its reference is there; its `:dev` name follows it."""
        if image.reference not in self.images():
            self.ctr("images", "import", image.archive, timeout_seconds=IMPORT_TIMEOUT_SECONDS)
        self.ctr("images", "tag", "--force", image.reference, image.dev_reference)

    def drop_other_versions(self, image: BuiltImage) -> None:
        """Remove imported images of the same repository that are not `image`: the cache must not
        grow.
        """
        keep = {image.reference, image.dev_reference}
        for name in self.images():
            if name.startswith(f"{image.repository}:") and name not in keep:
                self.ctr("images", "remove", name)

    def remove_containers(self) -> int:
        """Remove every container with its task and snapshot; how many there were."""
        names = self.ctr("containers", "list", "--quiet").split()
        for name in names:
            with contextlib.suppress(CommandFailedError):  # it may have no task
                self.ctr("tasks", "delete", "--force", name)
            self.ctr("containers", "delete", name)
        return len(names)


def shim_ids(topology: Topology) -> list[int]:
    """Process ids of the shims that serve our containerd (they outlive it by design)."""
    socket = os.fsencode(topology.containerd_socket)
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if Path(os.fsdecode(words[0])).name == "containerd-shim-runc-v2" and socket in words:
                found.append(int(entry.name))
    return found


def kill_shims(topology: Topology) -> None:
    """SIGKILL to all our shims; returns when they are gone."""

    def gone() -> bool:
        pids = shim_ids(topology)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    wait_until("ending containerd's shims", gone, timeout_seconds=START_TIMEOUT_SECONDS)
