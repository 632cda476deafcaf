"""What leaves a shop over its link, as a log of requests, read from the packets themselves."""

from __future__ import annotations

import contextlib
import errno
import math
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from e2e.harness.background import in_background
from e2e.harness.edge import EdgeCluster
from e2e.harness.errors import HarnessError
from e2e.harness.link import THERE

_EVERY_PROTOCOL, _IP, _TCP = 0x0003, 0x0800, 6
_SO_RCVBUFFORCE, _SOL_PACKET, _PACKET_STATISTICS = 33, 263, 6
"""See socket(7) and packet(7); Python has no names for these."""
_BUFFER_BYTES = 64 << 20
_LONGEST_PACKET = 1 << 17
"""Segments are put together before they are seen: longer than the link's packets."""
_TAIL_BYTES = 512
"""Of a connection, in which what is looked for may have begun."""
_FIN_OR_RST = 0x05
LONGEST_DRAIN_SECONDS = 2.0
_REQUEST = re.compile(rb"(?:POST|GET) (\S+) HTTP/1\.1\r\n")
_ID = re.compile(rb'"id":\s*"([^"\\]+)"')


@dataclass
class Captured:
    """What was seen so far. `packets` of TCP by `host:port`, `requests` by that and their path,
    and the `ids` that anything carried; of what is encrypted only the packets are told."""

    packets: Counter[str] = field(default_factory=Counter)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    _tails: dict[bytes, bytes] = field(default_factory=dict)
    _seen: set[bytes] = field(default_factory=set)
    """Of segments with requests; what is sent again is no other request."""

    def see(self, packet: bytes) -> None:
        """An IPv4 packet on its way."""
        if packet[9] != _TCP:
            return
        tcp = 4 * (packet[0] & 15)
        length = struct.unpack_from("!H", packet, 2)[0] or len(packet)
        (port,) = struct.unpack_from("!H", packet, tcp + 2)
        destination = f"{socket.inet_ntoa(packet[16:20])}:{port}"
        self.packets[destination] += 1
        connection = packet[12:20] + packet[tcp : tcp + 4]
        before = self._tails.pop(connection, b"")
        seen = before + packet[tcp + 4 * (packet[tcp + 12] >> 4) : length]
        segment = connection + packet[tcp + 4 : tcp + 8]
        for match in _REQUEST.finditer(seen):
            if match.end() > len(before) and segment not in self._seen:
                self._seen.add(segment)
                self.requests[destination, match[1].decode(errors="replace")] += 1
        self.ids.update(match[1].decode(errors="replace") for match in _ID.finditer(seen))
        if not packet[tcp + 13] & _FIN_OR_RST:
            self._tails[connection] = seen[-_TAIL_BYTES:]


@contextlib.contextmanager
def captured(edge: EdgeCluster) -> Iterator[Captured]:
    """Of everything that leaves the edge while the body runs; all is seen once it has ended.

    Raises:
        HarnessError: the kernel dropped a packet before it was seen: the log has a hole.
    """
    log = Captured()
    with edge.inside():
        end = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        end.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        end.bind((THERE, _EVERY_PROTOCOL))
    end.settimeout(0.2)
    problems: list[Exception] = []

    def listen(ended: threading.Event) -> None:
        last = math.inf
        while time.monotonic() < last:
            if ended.is_set():
                last = min(last, time.monotonic() + LONGEST_DRAIN_SECONDS)
            try:
                packet, address = end.recvfrom(_LONGEST_PACKET)
            except TimeoutError:
                if ended.is_set():
                    return
            except OSError as error:
                # The link was cut: the socket hears of that once, and of packets when it is whole.
                if error.errno != errno.ENETDOWN:
                    problems.append(error)
                    return
            else:
                if address[1] == _IP and address[2] == socket.PACKET_OUTGOING:
                    try:
                        log.see(packet)
                    except (IndexError, struct.error) as error:
                        problems.append(error)
                        return

    with end:
        with in_background("captured", listen):
            yield log
        counts = end.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
    dropped = struct.unpack("II", counts)[1]
    if problems or dropped:
        raise HarnessError(f"the link's log has a hole: {dropped} packets dropped, {problems}")
