"""A second cluster on this machine, behind a link, as a shop's is behind its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

from e2e.harness.link import Link
from e2e.harness.native import NativeCluster
from e2e.harness.netns import NetworkNamespace
from e2e.harness.record import Record
from e2e.harness.topology import Topology

EDGE = Topology(name="edge", node_ip="198.18.254.1", pod_cidr="198.18.1.0/24")


class EdgeCluster:
    """A native cluster in a network namespace, joined to `hub` by a link.

    Whatever talks to it over its own network does so within `inside()`, which a cut link does not
    concern; without that it is reached over the link.
    """

    def __init__(self, hub: NativeCluster, topology: Topology = EDGE) -> None:
        self._namespace = NetworkNamespace(f"triton-operator-{topology.name}")
        self.link = Link(self._namespace, hub.topology, topology)
        self.cluster = NativeCluster(topology)

    def inside(self) -> AbstractContextManager[None]:
        """This thread is at the edge in the body."""
        return self._namespace.inside()

    def up(self) -> None:
        """Start it afresh; the hub's cluster must be up."""
        self.down()
        self._namespace.create()
        try:
            with self.inside():
                self.cluster.up()
            self.link.create()
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Remove it, its link and its namespace, in whatever state they are."""
        self.link.remove()
        if self._namespace.exists() or Record.load(self.cluster.folder) is not None:
            # A restart of the machine takes the namespace and leaves the record.
            self._namespace.create()
            with self.inside():
                self.cluster.down()
            self._namespace.remove()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Up while the body runs."""
        self.up()
        try:
            yield
        finally:
            self.down()
