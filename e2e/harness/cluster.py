"""The one thing tests and the demo know of a cluster, and the choice between the kinds of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from e2e.harness.docker import engine_answers
from e2e.harness.errors import HarnessError
from e2e.harness.images import BuiltImage
from e2e.harness.kind import KindCluster
from e2e.harness.native import NativeCluster
from e2e.harness.topology import Topology

DRIVERS = ("auto", "kind", "native")


class Cluster(Protocol):
    """A Kubernetes cluster on this machine. Every method raises HarnessError on failure."""

    @property
    def name(self) -> str:
        """Name of the cluster."""
        ...

    @property
    def driver(self) -> str:
        """`kind` or `native`."""
        ...

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; exists while the cluster is up."""
        ...

    @property
    def folder(self) -> Path:
        """State of the cluster; its `log` folder stays after `down`."""
        ...

    def node_names(self) -> list[str]:
        """Names of the nodes, from the API."""
        ...

    def host_address(self) -> str:
        """An address of this machine that pods reach."""
        ...

    def problems(self) -> list[str]:
        """Why the cluster is not usable now; empty when it is up and healthy."""
        ...

    def up(self) -> None:
        """Start it, and return when its nodes are Ready; nothing happens when it is up already."""
        ...

    def down(self) -> None:
        """Remove it and all it left on the machine."""
        ...

    def reserved(self, timeout_seconds: float = ...) -> AbstractContextManager[None]:
        """Use the cluster alone while the context lasts: other runs wait, and nobody removes it."""
        ...

    def load(self, *images: BuiltImage) -> None:
        """Make images known to every node, under `reference` and `dev_reference`."""
        ...

    def place_files(self, namespace: str, claim: str, files: Mapping[str, Path]) -> None:
        """Put files into a volume bound to the claim: path within the volume → local file.

        The namespace must exist. Called again for the same claim, it replaces the volume's content.
        """
        ...


def choose(driver: str = "auto", topology: Topology | None = None) -> Cluster:
    """`auto`: kind where a Docker engine answers, else the native cluster."""
    if driver not in DRIVERS:
        raise HarnessError(f"unknown driver {driver!r}; one of {', '.join(DRIVERS)}")
    wanted = topology or Topology()
    if driver == "kind" or (driver == "auto" and engine_answers()):
        return KindCluster(wanted.name)
    return NativeCluster(wanted)
