"""A cluster in containers by kind, where a Docker engine answers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from e2e.harness import paths, volumes
from e2e.harness.binaries import ensure
from e2e.harness.commands import run, stream
from e2e.harness.errors import CommandFailedError
from e2e.harness.images import BuiltImage
from e2e.harness.kubectl import Kubectl
from e2e.harness.lock import exclusive
from e2e.harness.progress import step
from e2e.harness.reservation import WAIT_SECONDS, Reservation

CONFIGURATION = paths.REPOSITORY / "kind-config.yaml"
CREATE_TIMEOUT_SECONDS = 900.0
LOAD_TIMEOUT_SECONDS = 600.0
LOCK_TIMEOUT_SECONDS = 1800.0
# Whoever removes a cluster is told at once that a run is using it.
IN_USE_SECONDS = 1.0
VOLUMES = "/var/local/triton-operator"


class KindCluster:
    """See cluster.Cluster for the methods' contract."""

    driver = "kind"

    def __init__(self, name: str) -> None:
        self.name = f"triton-operator-{name}"
        self.folder = paths.state_root() / "clusters" / self.name
        lock = self.folder.with_name(f"{self.name}.use")
        self._reservation = Reservation(lock, f"the cluster {self.name} is in use")

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig (the user's own is left alone)."""
        return self.folder / "admin.kubeconfig"

    def node_names(self) -> list[str]:
        """Names of the nodes, from the API."""
        items = Kubectl(self.kubeconfig).json("get", "nodes")["items"]
        return [item["metadata"]["name"] for item in items]

    def problems(self) -> list[str]:
        """Why the cluster is not usable now; empty when it is up and healthy."""
        if self.name not in self._kind("get", "clusters").split():
            return ["it is not up"]
        try:
            self._write_kubeconfig()
            Kubectl(self.kubeconfig)(
                "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=5s"
            )
        except CommandFailedError as error:
            return [str(error)]
        return []

    def up(self) -> None:
        """Start the cluster; a no-op when it is up and healthy."""
        with self._lock():
            problems = self.problems()
            if not problems:
                return
            if problems != ["it is not up"]:
                self._kind("delete", "cluster", "--name", self.name)
            # fmt: off
            argv: list[str | Path] = [
                ensure("kind"), "create", "cluster", "--name", self.name,
                "--config", CONFIGURATION, "--kubeconfig", self.kubeconfig, "--wait", "180s",
            ]
            # fmt: on
            self.folder.mkdir(parents=True, exist_ok=True)
            with step(f"creating the kind cluster {self.name}") as s:
                stream(
                    argv,
                    timeout_seconds=CREATE_TIMEOUT_SECONDS,
                    log=self.folder / "log" / "kind.log",
                    on_line=s.detail,
                )

    def down(self) -> None:
        """Delete the cluster's containers and its kubeconfig."""
        deleting = step(f"deleting the kind cluster {self.name}")
        with self.reserved(IN_USE_SECONDS), self._lock(), deleting:
            self._kind("delete", "cluster", "--name", self.name, timeout_seconds=180)
            self.kubeconfig.unlink(missing_ok=True)

    def host_address(self) -> str:
        """The gateway of the containers' network: this machine, as the nodes see it."""
        gateways = run(
            [
                *("docker", "network", "inspect", "kind", "--format"),
                "{{range .IPAM.Config}}{{.Gateway}} {{end}}",
            ]
        ).split()
        return next(address for address in gateways if ":" not in address)

    def load(self, *images: BuiltImage) -> None:
        """Load images into every node."""
        for image in images:
            if all(image.reference in self._images_on(node) for node in self._nodes()):
                continue
            with step(f"loading {image.reference} into the cluster"):
                self._kind(
                    "load",
                    "image-archive",
                    str(image.archive),
                    "--name",
                    self.name,
                    timeout_seconds=LOAD_TIMEOUT_SECONDS,
                )

    def place_files(self, namespace: str, claim: str, files: Mapping[str, Path]) -> None:
        """Put files into a volume bound to the claim, on the first node."""
        node = self._nodes()[0]
        folder = f"{VOLUMES}/{namespace}/{claim}"
        self._in_node(node, "rm", "-rf", folder)
        for name, source in files.items():
            target = f"{folder}/{name}"
            self._in_node(node, "mkdir", "-p", target.rpartition("/")[0])
            run(["docker", "cp", source, f"{node}:{target}"], timeout_seconds=300)
        # Pods read, and write, as another user.
        self._in_node(node, "mkdir", "-p", folder)
        self._in_node(node, "chmod", "-R", "a+rwX", folder)
        volumes.bind_folder(Kubectl(self.kubeconfig), namespace, claim, folder, node)

    def _nodes(self) -> list[str]:
        return sorted(self._kind("get", "nodes", "--name", self.name).split())

    def _images_on(self, node: str) -> set[str]:
        return set(self._in_node(node, "ctr", "-n", "k8s.io", "images", "list", "-q").split())

    def _in_node(self, node: str, *words: str) -> str:
        return run(["docker", "exec", node, *words], timeout_seconds=120)

    def _kind(self, *words: str, timeout_seconds: float = 60) -> str:
        return run([ensure("kind"), *words], timeout_seconds=timeout_seconds)

    def _write_kubeconfig(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.kubeconfig.write_text(self._kind("get", "kubeconfig", "--name", self.name))
        self.kubeconfig.chmod(0o600)

    def reserved(self, timeout_seconds: float = WAIT_SECONDS) -> AbstractContextManager[None]:
        """Use the cluster alone: other runs wait, and nobody removes it."""
        return self._reservation.held(timeout_seconds)

    def _lock(self) -> AbstractContextManager[None]:
        path = self.folder.with_name(f"{self.name}.lock")
        return exclusive(path, f"the cluster {self.name}", LOCK_TIMEOUT_SECONDS)
