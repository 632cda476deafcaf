"""The link between this machine's cluster and one in a namespace: it can be cut as a cable can."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from e2e.harness.commands import run
from e2e.harness.netns import NetworkNamespace
from e2e.harness.topology import Topology

HERE, THERE = "fleet-here", "fleet-there"
"""Names of the two ends."""
HERE_ADDRESS, THERE_ADDRESS = "198.18.250.1", "198.18.250.2"
_PREFIX = 30


@dataclass(frozen=True)
class Link:
    """A veth pair; `here` and `there` are the clusters at its ends."""

    namespace: NetworkNamespace
    here: Topology
    there: Topology

    def create(self) -> None:
        """Make it and open it. Addresses of each cluster's node and pods are reached over it."""
        run(["ip", "link", "add", HERE, "type", "veth", "peer", "name", THERE])
        run(["ip", "link", "set", THERE, "netns", self.namespace.name])
        self.heal()

    def remove(self) -> None:
        """Remove both ends, if they are there."""
        if _exists(HERE):
            run(["ip", "link", "delete", HERE])

    def cut(self) -> None:
        """Take both ends down: one that is up sends into a cable that ends nowhere, and waits."""
        for end, context in self._ends():
            with context:
                run(["ip", "link", "set", end, "down"])

    def heal(self) -> None:
        """Bring both ends up. An end that was down has lost its routes."""
        ends = zip(
            self._ends(),
            ((HERE_ADDRESS, THERE_ADDRESS, self.there), (THERE_ADDRESS, HERE_ADDRESS, self.here)),
            strict=True,
        )
        for (end, context), (address, peer, other) in ends:
            with context:
                run(["ip", "address", "replace", f"{address}/{_PREFIX}", "dev", end])
                run(["ip", "link", "set", end, "up"])
                for destination in (f"{other.node_ip}/32", other.pod_cidr):
                    run(["ip", "route", "replace", destination, "via", peer, "dev", end])

    @contextlib.contextmanager
    def severed(self) -> Iterator[None]:
        """Cut while the body runs."""
        self.cut()
        try:
            yield
        finally:
            self.heal()

    def _ends(self) -> list[tuple[str, contextlib.AbstractContextManager[None]]]:
        return [(HERE, contextlib.nullcontext()), (THERE, self.namespace.inside())]


def _exists(link: str) -> bool:
    return f"{link}@" in run(["ip", "-oneline", "link", "show", "type", "veth"])
