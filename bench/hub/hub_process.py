"""The hub as a process of its own, as in a pod."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bench.reconcile.process_usage import cpu_seconds, peak_rss_mib
from e2e.harness import processes
from e2e.harness.ports import free_ports
from e2e.harness.processes import Running

REQUESTS = "triton_operator_api_requests_total"
LEADER = "triton_operator_leader"
ELECTION = "PUT"
"""The hub replaces nothing but the Lease by which it leads."""
READS = "GET"


@dataclass(frozen=True)
class Look:
    """Clocks and counters at one moment (`at`: monotonic seconds). Writes are the hub's, without
    those of its election."""

    at: float
    hub_cpu_seconds: float
    apiserver_cpu_seconds: float
    own_cpu_seconds: float
    writes: int
    reads: int


@dataclass(frozen=True)
class Spent:
    """What one phase took: `seconds` long, cores in the mean."""

    seconds: float
    hub_cores: float
    apiserver_cores: float
    own_cores: float
    writes: int
    reads: int

    @classmethod
    def between(cls, before: Look, after: Look) -> Spent:
        """From one look to another."""
        seconds = after.at - before.at
        return cls(
            seconds,
            (after.hub_cpu_seconds - before.hub_cpu_seconds) / seconds,
            (after.apiserver_cpu_seconds - before.apiserver_cpu_seconds) / seconds,
            (after.own_cpu_seconds - before.own_cpu_seconds) / seconds,
            after.writes - before.writes,
            after.reads - before.reads,
        )


@dataclass(frozen=True)
class HubProcess:
    """A started hub, its HTTP endpoints, and the API server that it works on."""

    process: Running
    address: str
    apiserver_pid: int

    @classmethod
    def start(
        cls, kubeconfig: Path, log: Path, apiserver_pid: int, profile: Path | None
    ) -> HubProcess:
        """Start it; `profile` is where cProfile writes what it saw, at the hub's end."""
        port = free_ports(1)[0]
        profiler = ["-m", "cProfile", "-o", str(profile)] if profile else []
        process = processes.start(
            "triton-operator hub",
            [
                *(sys.executable, *profiler, "-m", "triton_operator.cli.main", "hub"),
                *("--kubeconfig", str(kubeconfig), "--http-port", str(port)),
            ],
            log,
            ends_with_us=True,
        )
        return cls(process, f"http://127.0.0.1:{port}", apiserver_pid)

    async def leads(self) -> bool:
        """Whether it knows everything and writes."""
        self.process.require_alive()
        try:
            return sum((await self._samples(LEADER)).values()) == 1
        except aiohttp.ClientConnectionError:
            return False

    async def look(self) -> Look:
        """Clocks are read before the count, whose own cost then belongs to what follows."""
        at, pid = time.monotonic(), self.process.pid
        clocks = cpu_seconds(pid), cpu_seconds(self.apiserver_pid), time.process_time()
        methods = await self._samples(REQUESTS)
        writes = sum(n for method, n in methods.items() if method not in (READS, ELECTION))
        return Look(at, *clocks, int(writes), int(methods.get(READS, 0)))

    @property
    def peak_rss_mib(self) -> float:
        """The most memory so far."""
        return peak_rss_mib(self.process.pid)

    async def _samples(self, name: str) -> dict[str, float]:
        """Of one metric, by the label `method` where there is one."""
        async with aiohttp.request("GET", f"{self.address}/metrics") as response:
            text = await response.text()
        # All others are of each cluster, and parsing them would be this process' own cost.
        lines = (line for line in text.splitlines() if line.startswith(name))
        found: dict[str, float] = {}
        for family in text_string_to_metric_families("\n".join(lines) + "\n"):
            for sample in family.samples:
                method = sample.labels.get("method", "")
                found[method] = found.get(method, 0.0) + sample.value
        return found
