"""A port of all pods that nobody reaches: metrics that cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from e2e.harness.cluster import Cluster
from e2e.harness.commands import run

CHAIN = "CNI-CLOSED-PORT"
"""By its first letters a chain that `down` removes, should this process be killed."""


@contextmanager
def closed_port(cluster: Cluster, port: int) -> Iterator[None]:
    """Connections to that port of a pod are refused on every node, while the body runs."""
    refuse = ("-p", "tcp", "--dport", str(port), "-j", "REJECT", "--reject-with", "tcp-reset")
    # On a native cluster the node is this machine; kind's nodes are containers of their names.
    nodes: list[tuple[str, ...]] = [()]
    if cluster.driver != "native":
        nodes = [("docker", "exec", name) for name in cluster.node_names()]
    with ExitStack() as opening:
        for node in nodes:
            for change, undo in (
                (("-N", CHAIN), ("-X", CHAIN)),
                (("-A", CHAIN, *refuse), ("-F", CHAIN)),
                (("-I", "FORWARD", "-j", CHAIN), ("-D", "FORWARD", "-j", CHAIN)),
            ):
                run([*node, "iptables", *change])
                opening.callback(run, [*node, "iptables", *undo])
        yield
