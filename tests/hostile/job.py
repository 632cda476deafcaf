"""The inspection Job as a process: what it answers, and how much memory it and its child took."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import triton_operator
from triton_operator.api.inspection import Report, decode_report

LARGEST_RESIDENT_MIB = 1024
"""Of the process that parses a small file: its address space has that much. The Job has 4 GiB."""


@dataclass(frozen=True)
class Ended:
    """How a Job ended. `peak_mib` is the largest resident set of the process or of its child."""

    code: int
    report: Report
    peak_mib: float
    log: str

    @property
    def refusal(self) -> tuple[str, str]:
        assert self.report.failure is not None, self.report
        return self.report.failure.reason, self.report.failure.message


# VmHWM and not RUSAGE_SELF: the kernel counts the memory of whoever started a process as that
# process' own peak, and a test run grows.
_MEASURED = """
import pathlib, resource, runpy, sys
sys.argv[0] = "triton_operator.model"
try:
    runpy.run_module("triton_operator.model", run_name="__main__", alter_sys=True)
finally:
    status = pathlib.Path("/proc/self/status").read_text()
    own = int(status.partition("VmHWM:")[2].split()[0])
    peak = max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    print(f"peak {peak}", flush=True)
"""


def run_job(command: str, folder: Path, uri: str, *more: str) -> Ended:
    """Run `inspect` or `fetch` with the claim in `folder/source`."""
    log = folder / "termination-log"
    log.unlink(missing_ok=True)
    (folder / "work").mkdir(exist_ok=True)
    work = [f"--work-dir={folder / 'work'}"] if command == "inspect" else []
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-c", _MEASURED, command, "--uri", uri, *work),
            *(f"--source-dir={folder / 'source'}", f"--report={log}", *more),
        ],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(triton_operator.__file__).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    peak = float(done.stdout.rsplit("peak ", 1)[-1]) / 1024
    text = log.read_text() if log.exists() else ""
    assert len(text.encode()) <= 4096
    report = decode_report(text) if text else Report()
    return Ended(done.returncode, report, peak, done.stderr)
