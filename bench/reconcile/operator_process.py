"""The operator as a process of its own, as in a pod."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bench.reconcile.process_usage import cpu_seconds, peak_rss_mib
from e2e.harness import processes
from e2e.harness.ports import free_ports
from e2e.harness.processes import Running

IMAGE = "bench/none:1"
"""No pod ever starts, so nobody pulls it."""
RECONCILES = "triton_operator_reconciles_total"
LEADER = "triton_operator_leader"
QUEUE_GAUGES = ("triton_operator_queue_depth", "triton_operator_queue_processing")


@dataclass(frozen=True)
class OperatorProcess:
    """A started operator and its HTTP endpoints."""

    process: Running
    address: str

    @classmethod
    def start(
        cls, kubeconfig: Path, log: Path, options: Sequence[str], profile: Path | None
    ) -> "OperatorProcess":
        """Start it; `profile` is where cProfile writes what it saw, at the operator's end."""
        port = free_ports(1)[0]
        profiler = ["-m", "cProfile", "-o", str(profile)] if profile else []
        process = processes.start(
            "triton-operator",
            [
                *(sys.executable, *profiler, "-m", "triton_operator.cli.main", "run"),
                *("--image", IMAGE, "--kubeconfig", str(kubeconfig), "--http-port", str(port)),
                *options,
            ],
            log,
            ends_with_us=True,
        )
        return cls(process, f"http://127.0.0.1:{port}")

    async def is_ready(self) -> bool:
        """Whether its first listing is complete and it has begun to work."""
        try:
            return (await self._metrics())[LEADER] == 1
        except aiohttp.ClientConnectionError:
            return False

    async def is_idle(self) -> bool:
        """Whether no key waits and none is in work."""
        samples = await self._metrics()
        return all(samples[gauge] == 0 for gauge in QUEUE_GAUGES)

    async def leads(self) -> bool:
        """Whether it may write: its predecessor has given the Lease back."""
        return (await self._metrics())["triton_operator_leader"] == 1

    async def reconciles(self) -> int:
        """How many keys were reconciled so far, whatever the result."""
        samples = await self._metrics()
        return int(sum(value for name, value in samples.items() if name.startswith(RECONCILES)))

    async def _metrics(self) -> dict[str, float]:
        """Samples by name, or by name and labels where a name has several."""
        async with aiohttp.request("GET", f"{self.address}/metrics") as response:
            text = await response.text()
        return {
            sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    @property
    def cpu_seconds(self) -> float:
        """CPU so far."""
        return cpu_seconds(self.process.pid)

    @property
    def peak_rss_mib(self) -> float:
        """The most memory so far."""
        return peak_rss_mib(self.process.pid)
