"""The operator as a process of its own, at a real API server, watched through its own endpoints.

operator = OperatorProcess(kubeconfig, folder)
operator.ensure(sweep_seconds=1)     # running with these settings; started anew if need be
operator.pass_sweeps(3)              # returns when everything was looked at three times more
"""

import os
import signal
import sys
from pathlib import Path

import requests

from e2e.harness import processes
from e2e.harness.ports import free_ports
from e2e.harness.processes import Running
from e2e.harness.waiting import wait_until
from triton_operator.triton.releases import NEWEST

REPOSITORY = Path(__file__).parents[2]
OWN_IMAGE = "registry.example/triton-operator:1"
CPU_IMAGE = f"registry.example/triton-cpu:{NEWEST}"
GPU_IMAGE = f"registry.example/triton-gpu:{NEWEST}"
NEVER_SWEEPS = 3600.0
"""Seconds: what happens in a test is then due to a watch event, not to the periodic look."""
TIMEOUT_SECONDS = 60.0
SUM_OF_RESULTS = "triton_operator_reconciles_total"


class OperatorProcess:
    """One operator at a time; every start gets a new port and goes on in the same log."""

    def __init__(self, kubeconfig: Path, folder: Path, *options: str) -> None:
        self.log = folder / "operator.log"
        self._options = options
        self._kubeconfig = kubeconfig
        self._running: Running | None = None
        self._flags: tuple[str, ...] = ()
        self._sweep_seconds = NEVER_SWEEPS
        self._port = 0
        self._http = requests.Session()
        self._http.trust_env = False
        # A connection that stays open outlives the process' wish to stop.
        self._http.headers["Connection"] = "close"

    @property
    def running(self) -> Running:
        """The process of the last start, alive or not."""
        assert self._running, "the operator was never started"
        return self._running

    @property
    def port(self) -> int:
        """Of its endpoints, on loopback."""
        return self._port

    def ensure(self, *flags: str, sweep_seconds: float = NEVER_SWEEPS) -> None:
        """Have it running with these flags and this time between sweeps."""
        as_wanted = (self._flags, self._sweep_seconds) == (flags, sweep_seconds)
        if self._running and self._running.alive() and as_wanted:
            return
        self.stop()
        self.start(*flags, sweep_seconds=sweep_seconds)

    def start(
        self, *flags: str, sweep_seconds: float = NEVER_SWEEPS, follows: bool = False
    ) -> None:
        """Start it and wait until it leads, or until its listing is complete if it `follows`."""
        self._flags = flags
        self._sweep_seconds = sweep_seconds
        (self._port,) = free_ports(1)
        arguments = {
            "image": OWN_IMAGE,
            "cpu-image": CPU_IMAGE,
            "gpu-image": GPU_IMAGE,
            "kubeconfig": self._kubeconfig,
            "http-port": self._port,
            "sweep-seconds": sweep_seconds,
        }
        self._running = processes.start(
            "operator",
            [
                *(sys.executable, "-m", "triton_operator.cli.main", "run"),
                *(f"--{name}={value}" for name, value in arguments.items()),
                *self._options,
                *flags,
            ],
            self.log,
            env={"PYTHONPATH": str(REPOSITORY / "operator")},
            ends_with_us=True,
        )
        self.await_ready(follows=follows)

    def await_ready(self, *, follows: bool = False) -> None:
        """Wait until /readyz says yes and, unless it `follows` another one, it leads."""
        wait_until(
            "waiting for the operator to be ready",
            lambda: self._get("readyz").status_code == 200 and (follows or self.leads()),
            timeout_seconds=TIMEOUT_SECONDS,
            needs=[self.running],
        )

    def leads(self) -> bool:
        """Whether it may write now."""
        return self.metric("triton_operator_leader") == 1

    def stop(self) -> int:
        """SIGTERM; the exit code. Does nothing when it does not run."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: it gets no chance to finish anything."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: it is there and sees nothing."""
        os.killpg(self.running.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.killpg(self.running.pid, signal.SIGCONT)

    def probes(self) -> dict[str, int]:
        """The codes with which /healthz and /readyz answer now."""
        return {path: self._get(path).status_code for path in ("healthz", "readyz")}

    def metric(self, name: str) -> float:
        """A metric of /metrics, summed over its labels."""
        return sum(
            float(line.rpartition(" ")[2])
            for line in self._get("metrics").text.splitlines()
            if line.startswith((f"{name} ", f"{name}{{"))
        )

    def results(self) -> dict[str, float]:
        """How many reconciles ended in which way."""
        lines = self._get("metrics").text.splitlines()
        return {
            line.partition('"')[2].partition('"')[0]: float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith(f"{SUM_OF_RESULTS}{{")
        }

    def is_quiet(self) -> bool:
        """Whether no key waits and none is being worked on. Keys in backoff do not count."""
        depth, busy = "triton_operator_queue_depth", "triton_operator_queue_processing"
        return self.metric(depth) == 0 and self.metric(busy) == 0

    def pass_sweeps(self, count: int, *, keys: int) -> None:
        """Wait until each of `keys` objects was reconciled `count` times more, by sweeps."""
        assert self._sweep_seconds < TIMEOUT_SECONDS, (
            "this operator does not sweep in a test's time"
        )
        target = self.metric(SUM_OF_RESULTS) + count * keys
        wait_until(
            f"waiting for {count} sweeps over {keys} objects",
            lambda: self.metric(SUM_OF_RESULTS) >= target,
            timeout_seconds=TIMEOUT_SECONDS,
            needs=[self.running],
        )

    def _get(self, path: str) -> requests.Response:
        return self._http.get(f"http://127.0.0.1:{self._port}/{path}", timeout=5)

    def _end(self, number: signal.Signals) -> int:
        if self._running is None or not self._running.alive():
            return self.exit_code() if self._running else 0
        os.killpg(self._running.pid, number)
        assert self._running.wait(30), "the operator does not end"
        return self.exit_code()

    def exit_code(self) -> int:
        """The exit code of a process that has ended; that of a signal is negative."""
        running, self._running = self.running, None
        _, status = os.waitpid(running.pid, 0)
        return os.waitstatus_to_exitcode(status)
