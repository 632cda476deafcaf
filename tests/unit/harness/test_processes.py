"""Processes are started, known again from a record, and exactly they are stopped."""

import dataclasses
import os
import signal
import sys
from pathlib import Path

import pytest

from e2e.harness import processes
from e2e.harness.errors import ComponentDiedError, HarnessError, WaitTimeoutError
from e2e.harness.processes import Running
from e2e.harness.waiting import wait_until

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


@pytest.fixture
def sleeper(tmp_path):
    running = processes.start("sleeper", ["sleep", "600"], tmp_path / "sleeper.log")
    yield running
    running.kill()


def test_stop_ends_it(sleeper):
    assert sleeper.alive()

    sleeper.stop()

    assert not sleeper.alive()


def test_stop_ends_one_that_ignores_sigterm(tmp_path):
    log = tmp_path / "deaf.log"
    running = processes.start("deaf", [sys.executable, "-c", STUBBORN], log)
    wait_until("deaf to SIGTERM", lambda: "deaf" in log.read_text(), timeout_seconds=30)

    running.stop(grace_seconds=0.1)

    assert not running.alive()


def test_a_record_finds_the_same_process(sleeper):
    assert Running.from_record(sleeper.record()).alive()


def test_another_process_with_the_same_id_is_left_alone(sleeper):
    stranger = dataclasses.replace(sleeper, start_ticks=sleeper.start_ticks - 1)

    stranger.stop()

    assert not stranger.alive()
    assert sleeper.alive()


def test_a_wait_tells_of_a_component_that_died(tmp_path):
    argv = ["sh", "-c", "echo address already in use; exit 1"]
    running = processes.start("etcd", argv, tmp_path / "etcd.log")

    with pytest.raises(ComponentDiedError, match=r"(?s)etcd has ended.*address already in use"):
        wait_until("etcd to answer", lambda: False, timeout_seconds=30, needs=[running])
    running.stop()


def test_a_wait_is_bounded_and_quotes_the_last_error():
    def refused() -> bool:
        raise ConnectionRefusedError("nobody there")

    with pytest.raises(WaitTimeoutError, match=r"an answer.*nobody there"):
        wait_until("an answer", refused, timeout_seconds=0.01)


def test_a_missing_program_is_named(tmp_path):
    with pytest.raises(HarnessError, match="no-such-program"):
        processes.start("x", ["/no-such-program"], tmp_path / "x.log")


def test_it_ends_with_its_parent(tmp_path):
    code = f"""
import pathlib, time
from e2e.harness import processes
r = processes.start("child", ["sleep", "600"], pathlib.Path({str(tmp_path / "child.log")!r}),
                    ends_with_us=True)
print(r.pid, r.start_ticks, flush=True)
time.sleep(600)
"""
    log = tmp_path / "parent.log"
    root = os.pathsep.join(path for path in sys.path if path)
    parent = processes.start("parent", [sys.executable, "-c", code], log, env={"PYTHONPATH": root})
    wait_until("a child", lambda: log.read_text().endswith("\n"), timeout_seconds=30)
    pid, ticks = map(int, log.read_text().split())
    child = Running("child", pid, ticks, log)
    # Before it is `sleep`, it may not have asked the kernel yet to end with its parent.
    comm = Path(f"/proc/{pid}/comm")
    wait_until("it is sleep", lambda: comm.read_text().strip() == "sleep", timeout_seconds=30)
    assert child.alive()

    os.kill(parent.pid, signal.SIGKILL)

    assert child.wait(30)
    parent.stop()
