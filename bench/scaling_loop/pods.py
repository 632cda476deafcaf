"""Pods that answer as Triton does, thousands of them in one process, and count who asks when.

Run as `python -m bench.scaling_loop.pods COUNT`. It prints one line when it listens, and one of
JSON when its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import math
import resource
import sys
import time
from collections import Counter

METRICS_PORT, HTTP_PORT = 8002, 8000
LONGEST_PREFIX = 250
PODS = 2
"""Of each service."""
BIN_SECONDS = 0.1
RATE = 40.0
"""Requests/s of one pod, half of what it can do; each goes up and down in its own time."""
BASE, SLOPE, BATCH = 0.020, 0.010, 3
CURVES = 40
"""So many kinds of models run, each service is of one; one is half as fast as another."""
_STEADY = "".join(
    f'nv_inference_{name}{{model="m",version="1"}} 123456\n'
    for name in ("cache_hit", "load_ratio", "other")
)
FILLER = "".join(
    f"# HELP nv_energy_{number} Something that every Triton tells\n{_STEADY}"
    for number in range(20)
)
"""What a real answer has beside the families that are read: about as many bytes."""


def address(number: int) -> str:
    """The loopback address of a pod, by its number from 0."""
    return f"127.90.{number // LONGEST_PREFIX}.{number % LONGEST_PREFIX + 1}"


def metrics(number: int, seconds: float) -> str:
    """What a pod tells after so many seconds."""
    phase = number % 97
    success = RATE * (seconds + 20 * (1 + math.sin(seconds / 60 + phase)))
    executions = success / BATCH
    labels = '{model="m",version="1"}'
    compute = success * (BASE + SLOPE * BATCH) * 1e6
    edges = "".join(
        f'nv_inference_first_response_histogram_ms_bucket{{model="m",version="1",le="{edge}"}} '
        f"{success * share:.0f}\n"
        for edge, share in (("62", 0.5), ("125", 0.9), ("249", 0.995), ("500", 1), ("+Inf", 1))
    )
    return (
        f"nv_inference_request_success{labels} {success:.0f}\n"
        f'nv_inference_request_failure{{model="m",reason="OTHER",version="1"}} 0\n'
        f"nv_inference_count{labels} {success:.0f}\nnv_inference_exec_count{labels} "
        f"{executions:.0f}\nnv_inference_request_duration_us{labels} {compute * 1.5:.0f}\n"
        f"nv_inference_queue_duration_us{labels} {compute * 0.4:.0f}\n"
        f"nv_inference_compute_input_duration_us{labels} 1000\n"
        f"nv_inference_compute_infer_duration_us{labels} {compute:.0f}\n"
        f"nv_inference_compute_output_duration_us{labels} 1000\n"
        f"nv_inference_pending_request_count{labels} {number % 3}\n{edges}"
        f'nv_inference_first_response_histogram_ms_count{{model="m",version="1"}} {success:.0f}\n'
        f"{FILLER}"
    )


def statistics(number: int, seconds: float) -> str:
    """Its batch statistics; there are `CURVES` kinds of models."""
    rows = []
    slower = 1 + number // PODS % CURVES / CURVES
    for size in (1, 2, 4, 8):
        count = round(RATE * seconds / 8 / size)
        ns = round(1e9 * count * (BASE + SLOPE * size) * slower)
        timed = {"count": count, "ns": ns}
        rows.append(
            {
                "batch_size": size,
                "compute_input": {"count": count, "ns": 0},
                "compute_infer": timed,
                "compute_output": {"count": count, "ns": 0},
            }
        )
    return json.dumps({"model_stats": [{"name": "m", "version": "1", "batch_stats": rows}]})


CONFIG = json.dumps({"max_batch_size": 8, "dynamic_batching": {}, "instance_group": [{"count": 1}]})


class Asked:
    """Who is being answered now, and how many questions came in each tenth of a second."""

    def __init__(self) -> None:
        self.open = 0
        self.most = 0
        self.bins: Counter[int] = Counter()

    def begin(self) -> None:
        """A connection was made."""
        self.open += 1
        self.most = max(self.most, self.open)

    def end(self) -> None:
        """It has ended."""
        self.open -= 1

    def count(self) -> None:
        """A question came."""
        self.bins[int(time.monotonic() / BIN_SECONDS)] += 1


class Pod(asyncio.Protocol):
    """One connection to a pod."""

    def __init__(self, asked: Asked, began: float) -> None:
        self._asked = asked
        self._began = began
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Whose address was asked."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        _, _, third, fourth = transport.get_extra_info("sockname")[0].split(".")
        self._number = int(third) * LONGEST_PREFIX + int(fourth) - 1
        self._asked.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side is done."""
        self._asked.end()

    def data_received(self, data: bytes) -> None:
        """Answer; a question of this size comes in one piece."""
        self._asked.count()
        seconds = time.monotonic() - self._began + 600.0
        if data.startswith(b"GET /metrics"):
            body = metrics(self._number, seconds)
        elif data.startswith(b"GET /v2/models/m/config"):
            body = CONFIG
        else:
            body = statistics(self._number, seconds)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write((head + body).encode())


async def answer(count: int) -> None:
    """Answer for so many pods until standard input ends."""
    loop = asyncio.get_running_loop()
    asked, began = Asked(), time.monotonic()
    addresses = [address(number) for number in range(count)]
    for port in (METRICS_PORT, HTTP_PORT):
        await loop.create_server(lambda: Pod(asked, began), addresses, port, backlog=64)
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    whole = sorted(asked.bins)[10:-10]
    numbers = [asked.bins[one] for one in range(whole[0], whole[-1])] if whole else [0]
    mean = sum(numbers) / len(numbers)
    print(
        json.dumps(
            {
                "most_connections": asked.most,
                "questions_per_second": round(mean / BIN_SECONDS, 1),
                "busiest_tenth_over_mean": round(max(numbers) / mean, 2) if mean else 0,
            }
        )
    )


def main() -> None:
    """Entry point."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(answer(int(sys.argv[1])))


if __name__ == "__main__":
    main()
