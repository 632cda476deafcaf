"""A cluster's machine loses power and starts again, as far as a part of another machine can.

What a machine has in memory is gone: processes, pods with their networks and mounts, rules of the
firewall. What it has on disk is there: etcd's data, images, volumes. The kernel goes on, so that
what was written last is never lost, and neither are the machine's own addresses.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from e2e.harness import cgroups, firewall, mounts, processes
from e2e.harness.containerd import Containerd, kill_shims
from e2e.harness.record import Record
from e2e.harness.topology import Topology
from e2e.harness.waiting import wait_until

START_TIMEOUT_SECONDS = 60.0
VOLATILE = ("containerd/state", "containerd/runc")
"""Below the cluster's folder: on a machine of its own these are in /run."""


def command_lines(record: Record) -> dict[str, list[str]]:
    """What runs, by name, in the order of its start.

    Raises:
        OSError: a process has ended.
    """
    return {
        one.name: [
            word for word in Path(f"/proc/{one.pid}/cmdline").read_text().split("\0") if word
        ]
        for one in record.processes
    }


def lose_power(topology: Topology, record: Record) -> None:
    """End everything of the cluster at once, and forget what a machine has in memory."""
    # Newest first, which is the kubelet: it would start again what we end.
    for process in reversed(record.processes):
        process.kill()
    cgroups.kill_all(topology.cgroup)
    kill_shims(topology)
    for folder in (topology.folder, topology.containerd_root):
        mounts.unmount_below(folder)
    for name in VOLATILE:
        shutil.rmtree(topology.folder / name, ignore_errors=True)
    firewall.remove(keep=record.chains)


def start_again(
    topology: Topology,
    record: Record,
    commands: dict[str, list[str]],
    is_served: Callable[[], bool],
) -> None:
    """Start the components as they were started before; `is_served`: whether the API answers."""
    ready = {"containerd": Containerd(topology).answers, "kube-apiserver": is_served}
    for name, words in commands.items():
        record.add(processes.start(name, words, topology.folder / "log" / f"{name}.log"))
        if name in ready:
            wait_until(
                f"waiting for {name} after the reboot",
                ready[name],
                timeout_seconds=START_TIMEOUT_SECONDS,
                needs=record.processes[-1:],
            )
