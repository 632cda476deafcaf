"""Starts components in sessions of their own and stops exactly those.

A process is known by its id *and* its start time, so a record read back from a file can never point
at a stranger that got the same id later. That is what lets `down` run in another process than `up`.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.harness.errors import ComponentDiedError, HarnessError

LOG_TAIL_BYTES = 4000
KILL_SECONDS = 10.0


@dataclass(frozen=True)
class Running:
    """One started component. `start_ticks`: field 22 of /proc/PID/stat, clock ticks since boot."""

    name: str
    pid: int
    start_ticks: int
    log: Path

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        stat = _stat(self.pid)
        return stat is not None and stat[0] not in "ZX" and stat[1] == self.start_ticks

    def require_alive(self) -> None:
        """Raise ComponentDiedError, with the end of the log, unless it still runs."""
        if not self.alive():
            raise ComponentDiedError(f"{self.name} has ended; {log_tail(self.log)}")

    def stop(self, grace_seconds: float = 10.0) -> None:
        """SIGTERM to its session, then SIGKILL to what is left after `grace_seconds`."""
        self._signal(signal.SIGTERM)
        if not self.wait(grace_seconds):
            self.kill()
        self._reap()

    def kill(self) -> None:
        """SIGKILL to its session; returns when it is gone."""
        self._signal(signal.SIGKILL)
        if not self.wait(KILL_SECONDS):
            raise HarnessError(f"{self.name} (process {self.pid}) survived SIGKILL")
        self._reap()

    def wait(self, timeout_seconds: float) -> bool:
        """Block until all its threads have ended, at most `timeout_seconds`; whether they have."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self._exists():
                return True
            # Not alive() here: a leader is a zombie while its other threads still hold the ports.
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(timeout_seconds * 1000))
        finally:
            os.close(handle)

    def _exists(self) -> bool:
        """Whether /proc knows it, be it as a zombie."""
        stat = _stat(self.pid)
        return stat is not None and stat[1] == self.start_ticks

    def _signal(self, number: signal.Signals) -> None:
        if self._exists():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _reap(self) -> None:
        # Only our own children; a child of another run belongs to that run or to init.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)

    def record(self) -> dict[str, Any]:
        """A JSON form that `from_record` reads back."""
        return {
            "name": self.name,
            "pid": self.pid,
            "startTicks": self.start_ticks,
            "log": str(self.log),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Running:
        """The process a record speaks of, alive or not."""
        return cls(record["name"], record["pid"], record["startTicks"], Path(record["log"]))


def start(
    name: str,
    argv: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    ends_with_us: bool = False,
) -> Running:
    """Start `argv` in a session of its own with stdout and stderr appended to `log`.

    `ends_with_us`: the kernel kills it when this process ends in any way, even by SIGKILL. Raises
    HarnessError when the program cannot be started.
    """
    words = [str(word) for word in argv]
    if ends_with_us and shutil.which("setpriv"):
        words = ["setpriv", "--pdeathsig", "KILL", "--", *words]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        try:
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise HarnessError(f"cannot start {name}: {words[0]}: {error.strerror}") from error
    stat = _stat(child.pid)
    if stat is None:  # it cannot be gone before we have reaped it
        raise HarnessError(f"{name}: process {child.pid} is not in /proc; is /proc mounted?")
    # Popen warns when it is collected while its child runs; from here on `Running` owns the child.
    child.returncode = 0
    return Running(name, child.pid, stat[1], log)


def kill_session(pid: int) -> None:
    """SIGKILL to the process group that `pid` leads, if it still exists."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def log_tail(log: Path, limit_bytes: int = LOG_TAIL_BYTES) -> str:
    """The end of a log, quoted for an error message."""
    try:
        data = log.read_bytes()[-limit_bytes:]
    except OSError as error:
        return f"its log {log} cannot be read: {error.strerror}"
    lines = data.decode(errors="replace").splitlines()[-15:]
    return f"the end of its log {log}:\n" + "\n".join("    " + line[:300] for line in lines)


def _stat(pid: int) -> tuple[str, int] | None:
    """State letter and start time of a process, None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field, the command's name, may hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])
