"""`python -m bench.planner.generator`: an open loop of requests to one model, in its own process.

Requests come when they are due, whatever the server does, and latency counts from that moment, so
that a generator or a server that stalls hides nothing. One thread and one epoll; the bytes of each
request are made before the run. It ends early once more requests are late than may be.

Each line of standard input asks for a run (see `Wanted`), and is answered by one (see `Seen`).
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.planner.pauses import reader
from bench.planner.schedule import arrivals, late_allowed, percentile

LONGEST_DRAIN_SECONDS = 20.0
_CHUNK = 1 << 20
_LENGTHS = struct.Struct("<II")


@dataclass(frozen=True)
class Wanted:
    """A run: requests/s, seconds, the seed of the arrivals, the objective in seconds, and how many
    requests may be under way."""

    model: str
    rate: float
    seconds: float
    seed: int
    objective: float
    connections: int


@dataclass(frozen=True)
class Seen:
    """What a run showed. Seconds; `late` counts what was answered late, badly, or not at all.

    A request is not late by the time in which the machine stood still (see `pauses`): that was
    `paused_seconds` of the run. The percentiles are as a client saw them.

    `stopped`: it ended before all requests were sent, as too many were late. `behind_seconds`: by
    how much the generator itself was late at the 99th percentile. `own_cpu_seconds` of it.
    """

    sent: int
    planned: int
    late: int
    errors: int
    stopped: bool
    p50_seconds: float
    p99_seconds: float
    behind_seconds: float
    own_cpu_seconds: float
    seconds: float
    paused_seconds: float

    @property
    def kept(self) -> bool:
        """Whether the 99th percentile kept the objective."""
        return not self.stopped and self.late <= late_allowed(self.planned)


class _Connection:
    """A keep-alive connection; `due` is that of the request under way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.due = 0.0
        self._out = memoryview(b"")
        self._in = bytearray()
        self._wanted = -1

    def begin(self, request: bytes, due: float) -> bool:
        """Send as much as goes; whether something is left."""
        self.due = due
        self._out = memoryview(request)
        self._in.clear()
        self._wanted = -1
        return self.write()

    def write(self) -> bool:
        """Send as much as goes; whether something is left."""
        while self._out:
            try:
                self._out = self._out[self.socket.send(self._out[:_CHUNK]) :]
            except BlockingIOError:
                return True
        return False

    def read(self) -> int | None:
        """The status of the answer once it is complete, else None."""
        while True:
            try:
                part = self.socket.recv(_CHUNK)
            except BlockingIOError:
                return None
            if not part:
                raise ConnectionError("Triton closed a connection")
            self._in += part
            if self._wanted < 0 and (end := self._in.find(b"\r\n\r\n")) >= 0:
                head = bytes(self._in[:end]).lower()
                # Triton has an Inference-Header-Content-Length too.
                length = head.split(b"\r\ncontent-length:", 1)[1].split(b"\r\n", 1)[0]
                self._wanted = end + 4 + int(length)
            if 0 <= self._wanted <= len(self._in):
                return int(self._in[9:12])


def play(
    address: tuple[str, int],
    requests: Sequence[bytes],
    due: Sequence[float],
    objective: float,
    connections: int,
    paused: Callable[[float, float], float],
) -> Seen:
    """Send the requests in turn, each when it is due.

    `connections`: the most under way; what finds all of them taken waits here, and is late if it
    waits long. `paused`: for how long the machine stood still between two moments.
    """
    idle = [_Connection(address) for _ in range(connections)]
    by_file = {one.socket.fileno(): one for one in idle}
    poll = select.epoll()
    for file in by_file:
        poll.register(file, select.EPOLLIN)
    waiting: deque[tuple[float, bytes]] = deque()
    latencies: list[float] = []
    behind: list[float] = []
    late = errors = number = under_way = 0
    planned = len(due)
    allowed = late_allowed(planned)
    began_cpu, began = time.process_time(), time.monotonic()
    stopped = False

    def begin(one: _Connection, moment: float, request: bytes) -> None:
        if one.begin(request, moment):
            poll.modify(one.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)

    while number < len(due) or under_way or waiting:
        now = time.monotonic() - began
        while number < len(due) and due[number] <= now:
            behind.append(now - due[number])
            request = requests[number % len(requests)]
            if idle:
                begin(idle.pop(), due[number], request)
                under_way += 1
            else:
                waiting.append((due[number], request))
            number += 1
            now = time.monotonic() - began
        # epoll itself counts in milliseconds, select on it in microseconds.
        left = due[number] - now if number < len(due) else 1.0
        if not select.select([poll.fileno()], [], [], max(0.0, left))[0]:
            if number == len(due) and now > due[-1] + LONGEST_DRAIN_SECONDS:
                break
            continue
        for file, event in poll.poll(0):
            one = by_file[file]
            if event & select.EPOLLOUT and not one.write():
                poll.modify(file, select.EPOLLIN)
            if not event & ~select.EPOLLOUT or (status := one.read()) is None:
                continue
            answered = time.monotonic()
            latency = answered - began - one.due
            latencies.append(latency)
            errors += status != 200
            late += status != 200 or (
                latency > objective and latency - paused(began + one.due, answered) > objective
            )
            if waiting and not stopped:
                begin(one, *waiting.popleft())
            else:
                idle.append(one)
                under_way -= 1
        if late > allowed and not stopped:
            # The verdict is known. What is under way is waited for: it is no part of the next run.
            stopped = True
            due = due[:number]
            waiting.clear()
    ended = time.monotonic()
    for one in by_file.values():
        one.socket.close()
    unanswered = number - len(latencies)
    return Seen(
        sent=number,
        planned=planned,
        late=late + unanswered,
        errors=errors,
        stopped=stopped,
        p50_seconds=percentile(latencies, 0.5) if latencies else float("inf"),
        p99_seconds=percentile(latencies, 0.99) if latencies else float("inf"),
        behind_seconds=percentile(behind, 0.99) if behind else 0.0,
        own_cpu_seconds=time.process_time() - began_cpu,
        seconds=ended - began,
        paused_seconds=paused(began, ended),
    )


def packed(requests: Sequence[tuple[bytes, int]]) -> bytes:
    """Requests (their bytes, and how many of these are the JSON in front) for `--requests`."""
    return b"".join(_LENGTHS.pack(len(body), head) + body for body, head in requests)


def unpacked(content: bytes) -> list[tuple[bytes, int]]:
    """What `packed` has put together."""
    found, place = [], 0
    while place < len(content):
        length, head = _LENGTHS.unpack_from(content, place)
        place += _LENGTHS.size
        found.append((content[place : place + length], head))
        place += length
    return found


def _http(host: str, model: str, body: bytes, head: int) -> bytes:
    lines = (
        f"POST /v2/models/{model}/infer HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/octet-stream",
        f"Inference-Header-Content-Length: {head}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def main(words: Sequence[str]) -> int:
    """Runs until standard input ends; whatever goes wrong is an exception."""
    parser = argparse.ArgumentParser(prog="python -m bench.planner.generator")
    parser.add_argument("--url", required=True)
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--pauses", type=Path, nargs="*", default=[])
    given = parser.parse_args(words)
    paused = reader(given.pauses)
    host = urlsplit(given.url).netloc
    name, _, port = host.partition(":")
    bodies = unpacked(given.requests.read_bytes())
    for line in sys.stdin:
        wanted = Wanted(**json.loads(line))
        requests = [_http(host, wanted.model, body, head) for body, head in bodies]
        due = arrivals(wanted.rate, wanted.seconds, wanted.seed).tolist()
        address = (name, int(port))
        seen = play(address, requests, due, wanted.objective, wanted.connections, paused)
        print(json.dumps(asdict(seen)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
