"""A whole cluster as ordinary processes of this machine: needs root, and no Docker engine."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from e2e.harness import (
    apirequest,
    apt,
    cgroups,
    dns,
    firewall,
    leftovers,
    network,
    node,
    processes,
    sysctls,
    volumes,
)
from e2e.harness.binaries import NATIVE_CLUSTER, ensure
from e2e.harness.components import NodePorts, node_flags
from e2e.harness.containerd import Containerd
from e2e.harness.controlplane import ControlPlane
from e2e.harness.errors import (
    CommandFailedError,
    HarnessError,
    MachineInUseError,
    NotPermittedError,
)
from e2e.harness.images import PAUSE, PROJECT_IMAGES, BuiltImage, ensure_images, image
from e2e.harness.kubectl import Kubectl
from e2e.harness.lock import exclusive
from e2e.harness.ports import free_ports, port_is_free
from e2e.harness.progress import say, step
from e2e.harness.reboot import command_lines, lose_power, start_again
from e2e.harness.record import Record
from e2e.harness.reservation import WAIT_SECONDS, Reservation
from e2e.harness.teardown import remove
from e2e.harness.topology import Topology
from e2e.harness.waiting import wait_until

COMMANDS = (
    "containerd",
    "runc",
    "/usr/lib/cni/ptp",
    "iptables",
    "conntrack",
    "ip",
    "mount",
    "openssl",
)
READY_TIMEOUT_SECONDS = 120.0
LOCK_TIMEOUT_SECONDS = 900.0
# Whoever removes a cluster is told at once that a run is using it.
IN_USE_SECONDS = 1.0
# sockaddr_un holds 108 bytes; containerd adds `.ttrpc`.
LONGEST_SOCKET_PATH = 100


class NativeCluster:
    """See cluster.Cluster for the methods' contract."""

    driver = "native"

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self._containerd = Containerd(topology)
        lock = topology.folder.with_name(f"{topology.name}.use")
        self._reservation = Reservation(lock, f"the cluster {topology.name} is in use")

    @property
    def name(self) -> str:
        """Name of the cluster."""
        return self.topology.name

    @property
    def folder(self) -> Path:
        """State of the cluster; logs are in `log`."""
        return self.topology.folder

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "admin.kubeconfig"

    def kubectl(self) -> Kubectl:
        """kubectl as the administrator."""
        return Kubectl(self.kubeconfig)

    def host_address(self) -> str:
        """The node's own address: node and machine are one."""
        return self.topology.node_ip

    def node_names(self) -> list[str]:
        """Names of the nodes, from the API."""
        items = self.kubectl().json("get", "nodes")["items"]
        return [item["metadata"]["name"] for item in items]

    def problems(self) -> list[str]:
        """Why the cluster is not usable now; empty when it is up and healthy."""
        record = Record.load(self.folder)
        if record is None:
            return ["it is not up"]
        if not record.of_this_boot():
            return ["the machine has been restarted since it was up"]
        if not record.complete:
            return ["its start did not come to its end"]
        dead = [process for process in record.processes if not process.alive()]
        if dead:
            return [f"{p.name} has ended; {processes.log_tail(p.log)}" for p in dead]
        try:
            return [] if self._ready() else [f"node {self.topology.node_name} is not Ready"]
        except CommandFailedError as error:
            return [f"the API does not answer: {error}"]

    def up(self) -> None:
        """Start the cluster; a no-op when it is up and healthy."""
        self._require_root()
        with self._lock():
            problems = self.problems()
            if not problems:
                return
            if Record.load(self.folder) is not None or self._leftovers():
                say("! removing what is left of an earlier cluster: " + "; ".join(problems))
                with self.reserved(IN_USE_SECONDS):
                    remove(self.topology)
            binaries = {name: ensure(name) for name in NATIVE_CLUSTER}
            apt.ensure_commands(COMMANDS)
            pause = ensure_images([PAUSE])[PAUSE]
            self._require_free_machine()
            try:
                with step(f"starting the cluster {self.name}"):
                    self._start(binaries, pause)
            except BaseException as error:
                say(f"✗ {error}" if isinstance(error, HarnessError) else "✗ interrupted; removing")
                remove(self.topology)
                raise

    def down(self) -> None:
        """Remove everything the cluster has on this machine, also after a crash of `up`."""
        self._require_root()
        removing = step(f"removing the cluster {self.name}")
        with self.reserved(IN_USE_SECONDS), self._lock(), removing:
            remove(self.topology)

    def reboot(self) -> None:
        """Cut its power and start it again; returns when its node has told anew that it is Ready.

        Pods are started again by the kubelet, meanwhile and after that.
        """
        self._require_root()
        record = Record.load(self.folder)
        problems = self.problems()
        if record is None or problems:
            raise HarnessError(f"the cluster {self.name} is not up: {'; '.join(problems)}")
        with self._lock(), step(f"rebooting the cluster {self.name}"):
            commands = command_lines(record)
            lose_power(self.topology, record)
            began = time.time()
            start_again(self.topology, record, commands, lambda: bool(self.node_names()))
            wait_until(
                f"waiting for node {self.topology.node_name} to be Ready after the reboot",
                lambda: self._ready(since=began),
                timeout_seconds=READY_TIMEOUT_SECONDS,
                needs=record.processes,
                poll_seconds=0.2,
            )

    def load(self, *images: BuiltImage) -> None:
        """Import images into containerd."""
        problems = self.problems()
        if problems:
            raise HarnessError(f"the cluster {self.name} is not usable: {'; '.join(problems)}")
        for built in images:
            if built.reference not in self._containerd.images():
                with step(f"loading {built.reference} into the cluster"):
                    self._containerd.load(built)
            else:
                self._containerd.load(built)

    def place_files(self, namespace: str, claim: str, files: Mapping[str, Path]) -> None:
        """Put files into a volume bound to the claim: path within the volume → local file."""
        folder = self.folder / "volumes" / namespace / claim
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, source in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        # Pods read, and write, as another user.
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o644)
        volumes.bind_folder(self.kubectl(), namespace, claim, str(folder), self.topology.node_name)

    # How it starts.

    def _start(self, binaries: Mapping[str, Path], pause: BuiltImage) -> None:
        topology = self.topology
        shutil.rmtree(self.folder, ignore_errors=True)
        record = Record(self.folder, sysctls=sysctls.read(), chains=firewall.chains())
        record.save()
        network.set_up(topology)
        self._require_free_ports()
        cgroups.create(topology.cgroup)
        self._start_containerd(pause, record)
        control_plane = ControlPlane(
            name=self.name,
            controller_manager=True,
            directory=self.folder,
            address=topology.node_ip,
            secure_port=topology.apiserver_port,
            service_cidr=topology.service_cidr,
            service_ip=topology.service_ip,
            detached=True,
            on_start=record.add,
        )
        control_plane.start()
        self.kubectl().apply(dns.access_rules())
        ports = NodePorts(*free_ports(4))
        for name, flags in node_flags(topology, control_plane, ports).items():
            log = self.folder / "log" / f"{name}.log"
            record.add(processes.start(name, [binaries[name], *flags], log))
        for what, probe in (
            (f"node {topology.node_name} to be Ready", self._ready),
            ("CoreDNS to be ready", lambda: _is_200(f"http://127.0.0.1:{ports.dns_ready}/ready")),
            (
                "kube-proxy to be ready",
                lambda: _is_200(f"http://127.0.0.1:{ports.proxy_health}/healthz"),
            ),
        ):
            wait_until(
                f"waiting for {what}",
                probe,
                timeout_seconds=READY_TIMEOUT_SECONDS,
                needs=record.processes,
                poll_seconds=0.2,
            )
        record.complete = True
        record.save()

    def _start_containerd(self, pause: BuiltImage, record: Record) -> None:
        running = self._containerd.start(pause.reference, record.add)
        # After a crash the cache knows pods of a cluster that is gone. containerd reads them when
        # it starts, so it must start once more without them.
        if self._containerd.remove_containers():
            running.stop()
            self._containerd.start(pause.reference, record.add)
        self._containerd.load(pause)
        # Not in `load`: a running cluster may go back to an image it had. Here it keeps the cache
        # from growing.
        self._containerd.drop_other_versions(pause)
        for name in PROJECT_IMAGES:
            with contextlib.suppress(HarnessError):  # its folder is broken: said when it is built
                self._containerd.drop_other_versions(image(name))

    def _ready(self, since: float = 0.0) -> bool:
        """Ready, told since that time, and without the taint that the node controller takes away a
        moment later.
        """
        found = self.kubectl().json("get", "node", self.topology.node_name)
        ready = any(
            c["type"] == "Ready"
            and c["status"] == "True"
            and datetime.fromisoformat(c["lastHeartbeatTime"]).timestamp() > since
            for c in found["status"]["conditions"]
        )
        return ready and not found["spec"].get("taints")

    # What it asks of the machine.

    def reserved(self, timeout_seconds: float = WAIT_SECONDS) -> AbstractContextManager[None]:
        """Use the cluster alone: other runs wait, and nobody removes it."""
        return self._reservation.held(timeout_seconds)

    def _lock(self) -> AbstractContextManager[None]:
        path = self.folder.with_name(f"{self.name}.lock")
        return exclusive(path, f"the cluster {self.name}", LOCK_TIMEOUT_SECONDS)

    def _require_root(self) -> None:
        if os.geteuid() != 0:
            raise NotPermittedError(
                "the native cluster needs root (network, mounts, cgroups): run this as root, "
                "or start a Docker engine, with which kind is used instead"
            )
        if len(str(self.topology.containerd_socket)) > LONGEST_SOCKET_PATH:
            raise HarnessError(
                f"{self.topology.containerd_socket} is too long for a socket; set XDG_STATE_HOME "
                "to a shorter folder"
            )

    def _leftovers(self) -> list[str]:
        """What is certainly ours; chains may be another cluster's when no record says so."""
        return leftovers.leftovers(self.topology, firewall.chains())

    def _require_free_machine(self) -> None:
        used = [entry for names in firewall.chains().values() for entry in names]
        if "nat KUBE-SERVICES" in used:
            raise MachineInUseError(
                "this machine is a node of another Kubernetes cluster already (its iptables have "
                "KUBE-SERVICES); remove that one first, or use it through its own kubeconfig"
            )

    def _require_free_ports(self) -> None:
        address = self.topology.node_ip
        for port in (self.topology.apiserver_port, node.KUBELET_PORT, 53):
            if not port_is_free(address, port):
                raise MachineInUseError(f"something else listens on {address}:{port}")


def _is_200(url: str) -> bool:
    return apirequest.get(url)[0] == 200
