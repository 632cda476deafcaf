"""Free TCP ports."""

from __future__ import annotations

import random
import socket

from e2e.harness.errors import MachineInUseError

# Below Linux' ephemeral range (from 32768), so that no outgoing connection of a busy machine takes
# the port between our look and the component's bind.
LOWEST, HIGHEST = 20000, 32000


def free_ports(count: int, address: str = "127.0.0.1") -> list[int]:
    """`count` different ports on which nothing listens now. Raises MachineInUseError when there are
    none.
    """
    found: list[int] = []
    for port in random.sample(range(LOWEST, HIGHEST), HIGHEST - LOWEST):
        if len(found) == count:
            return found
        if port_is_free(address, port):
            found.append(port)
    raise MachineInUseError(f"no {count} free ports between {LOWEST} and {HIGHEST} on {address}")


def port_is_free(address: str, port: int) -> bool:
    """Whether a listener could bind `address:port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
