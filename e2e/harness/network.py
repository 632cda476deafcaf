"""The machine's addresses and routes for a native cluster."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from e2e.harness import apt
from e2e.harness.commands import run
from e2e.harness.topology import Topology
from e2e.harness.waiting import wait_until

REMOVE_TIMEOUT_SECONDS = 15.0


def set_up(topology: Topology) -> None:
    """Give `lo` the node's address, and let nothing for the cluster's ranges leave the machine.

    `lo` because it always exists (a kernel may lack the dummy driver). Without the blackhole,
    packets to a pod that is gone would follow the default route.
    """
    run(["ip", "link", "set", "lo", "up"])
    run(["ip", "route", "replace", "blackhole", topology.machine_range])
    run(["ip", "address", "replace", f"{topology.node_ip}/32", "dev", "lo"])
    # The host's own packets to a Service are routed once before kube-proxy's rules rewrite them,
    # and a blackhole refuses them there. What no rule rewrites is dropped on `lo`.
    service_route = ["dev", "lo", "src", topology.node_ip]
    run(["ip", "route", "replace", topology.service_cidr, *service_route])


def tear_down(topology: Topology) -> None:
    """Remove addresses, links and routes within the cluster's range; returns when none is left."""
    wait_until(
        "removing the cluster's addresses and routes",
        lambda: _remove_once(topology),
        timeout_seconds=REMOVE_TIMEOUT_SECONDS,
    )


def _remove_once(topology: Topology) -> bool:
    # The kernel removes a dead pod's link and route by itself, a little later: between our look and
    # our command it may be gone, which the next round finds out.
    for link, address in addresses(topology):
        if link == "lo":
            run(["ip", "address", "delete", address, "dev", "lo"])
        else:  # the host's end of a pod's veth pair
            run(["ip", "link", "delete", link])
    for route in routes(topology):
        kind = [route["type"]] if "type" in route else []
        run(["ip", "route", "delete", *kind, route["dst"]])
    return not addresses(topology) and not routes(topology)


def addresses(topology: Topology) -> list[tuple[str, str]]:
    """(link, address/prefix) of this machine within the cluster's range; each veth once."""
    found: dict[str, str] = {}
    for link in _ip("address", "show"):
        for info in link.get("addr_info", []):
            if _within(info["local"], topology):
                found[link["ifname"]] = f"{info['local']}/{info['prefixlen']}"
    return list(found.items())


def routes(topology: Topology) -> list[dict[str, Any]]:
    """Routes of the main table to destinations within the cluster's range."""
    return [route for route in _ip("route", "show") if _within(route["dst"], topology)]


def _within(destination: str, topology: Topology) -> bool:
    if destination == "default":
        return False
    network = ipaddress.ip_network(destination, strict=False)
    return network.version == 4 and network.subnet_of(ipaddress.IPv4Network(topology.machine_range))


def _ip(*words: str) -> list[dict[str, Any]]:
    if apt.find("ip") is None:
        return []
    answer: list[dict[str, Any]] = json.loads(run(["ip", "-json", *words]) or "[]")
    return answer
