"""Takes a native cluster down: what `up` recorded, and what a crash left without a record."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path

from e2e.harness import cgroups, firewall, leftovers, mounts, network, sysctls
from e2e.harness.containerd import Containerd, kill_shims
from e2e.harness.errors import CommandFailedError, HarnessError
from e2e.harness.record import FILE_NAME, Record
from e2e.harness.topology import Topology

# All state is thrown away: nothing is worth a longer goodbye.
STOP_SECONDS = 2.0


def remove(topology: Topology) -> None:
    """Remove all of a cluster, whatever state it is in, and check that nothing is left.

    Raises HarnessError with the list of what could not be removed; the record stays then, for
    another try.
    """
    containerd = Containerd(topology)
    record = Record.load(topology.folder)
    alive = []
    if record is not None and record.of_this_boot():
        alive = [process for process in record.processes if process.alive()]
    # Newest first, which is the kubelet: it would start again what we end.
    for process in reversed(alive):
        if process.name != "containerd":
            process.stop(STOP_SECONDS)
    cgroups.kill_all(topology.cgroup)
    for process in alive:
        if process.name == "containerd":
            with contextlib.suppress(CommandFailedError):  # `up` does it again
                containerd.remove_containers()
            process.stop(STOP_SECONDS)
    kill_shims(topology)
    for pid, _ in leftovers.processes_of(topology):  # of a run whose record is lost
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for folder in (topology.folder, topology.containerd_root):
        mounts.unmount_below(folder)
    cgroups.remove(topology.cgroup)
    network.tear_down(topology)
    chains_before = firewall.chains()
    if record is not None and record.of_this_boot():
        chains_before = record.chains
        firewall.remove(keep=chains_before)
        sysctls.restore(record.sysctls)
    leftovers.remove_files(topology)
    found = leftovers.leftovers(topology, chains_before)
    if found:
        raise HarnessError("these could not be removed:\n  " + "\n  ".join(found))
    _remove_state(topology.folder)


def _remove_state(folder: Path) -> None:
    """All but the logs; the record last, since it alone knows how to clean up."""
    if not folder.exists():
        return
    for entry in sorted(folder.iterdir(), key=lambda e: e.name == FILE_NAME):
        if entry.is_dir() and not entry.is_symlink():
            if entry.name != "log":
                shutil.rmtree(entry)
        else:
            entry.unlink()
