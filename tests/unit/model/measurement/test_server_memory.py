"""The memory of the Triton in the same pod, from what the kernel tells of its processes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from e2e.harness.waiting import wait_until
from triton_operator.model.measurement.server_memory import PROC, ServerMemory

KIBIBYTE = 1024


def put(proc: Path, pid: int, name: str, parent: int, peak: int | None) -> None:
    """A process; `peak` in KiB, None: the kernel tells none of it."""
    rows = [f"Name:\t{name}", "State:\tS (sleeping)", f"PPid:\t{parent}"]
    if peak is not None:
        rows += ["VmPeak:\t99999999 kB", f"VmHWM:\t{peak:8} kB", "VmRSS:\t       1 kB"]
    (proc / str(pid)).mkdir(exist_ok=True)
    (proc / str(pid) / "status").write_text("\n".join(rows) + "\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A pod: what keeps its namespaces, Triton with a Python stub, and whoever measures."""
    (tmp_path / "sys").mkdir()
    put(tmp_path, 1, "pause", 0, 900)
    put(tmp_path, 20, "tritonserver", 0, 500_000)
    put(tmp_path, 31, "triton_python_b", 20, 60_000)
    put(tmp_path, 40, "python3", 0, 70_000)
    return tmp_path


def test_it_is_that_of_triton_and_of_what_it_has_started(proc: Path) -> None:
    assert ServerMemory(proc).look() == 560_000 * KIBIBYTE


def test_what_is_between_does_not_hide_a_process(proc: Path) -> None:
    put(proc, 35, "sh", 31, None)
    put(proc, 36, "python3", 35, 8)

    assert ServerMemory(proc).look() == 560_008 * KIBIBYTE


def test_it_is_the_newest_look_that_counts(proc: Path) -> None:
    memory = ServerMemory(proc)
    memory.look()
    put(proc, 20, "tritonserver", 0, 600_000)

    assert memory.look() == 660_000 * KIBIBYTE


def test_no_triton_is_seen(proc: Path) -> None:
    shutil.rmtree(proc / "20")

    assert ServerMemory(proc).look() is None


def test_the_kernel_tells_nothing(proc: Path) -> None:
    put(proc, 20, "tritonserver", 0, None)
    shutil.rmtree(proc / "31")

    assert ServerMemory(proc).look() is None


def test_one_that_has_begun_anew_has_not_been_through_it(proc: Path) -> None:
    """The kernel may have ended the first one for its memory."""
    memory = ServerMemory(proc)
    assert memory.look()
    shutil.rmtree(proc / "20")
    shutil.rmtree(proc / "31")
    assert memory.look() is None
    put(proc, 55, "tritonserver", 0, 100_000)

    assert memory.look() is None


def test_processes_in_a_ring_are_nobodys(proc: Path) -> None:
    """Numbers may be given anew while one looks."""
    put(proc, 60, "a", 61, 10)
    put(proc, 61, "b", 60, 10)

    assert ServerMemory(proc).look() == 560_000 * KIBIBYTE


def test_a_process_that_ends_meanwhile_is_left_out(proc: Path) -> None:
    (proc / "70").mkdir()

    assert ServerMemory(proc).look() == 560_000 * KIBIBYTE


def test_a_real_kernel_says_it_so(tmp_path: Path) -> None:
    program = tmp_path / "tritonserver"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    alone = tmp_path / "proc"
    alone.mkdir()
    with subprocess.Popen([program, "60"]) as started:
        (alone / str(started.pid)).symlink_to(PROC / str(started.pid))
        comm = PROC / str(started.pid) / "comm"
        try:
            # The kernel names it a moment after it is said to have started.
            wait_until("its name", lambda: comm.read_text() == "tritonserver\n", timeout_seconds=30)
            found = ServerMemory(alone).look()
        finally:
            started.kill()

    assert found
    assert 100 * KIBIBYTE < found < 100_000 * KIBIBYTE
    assert ServerMemory(alone).look() is None, "it has ended"
