"""What is confined has its cores and no others, whatever it asks for."""

import os
import subprocess
import sys

from e2e.harness import cgroups
from e2e.harness.cpuset import PREFIX, confined

ASKS = """
import os
try:
    os.sched_setaffinity(0, {%d})
    print("got it")
except OSError:
    print(sorted(os.sched_getaffinity(0)))
"""


def test_another_core_is_not_to_be_had() -> None:
    first, *_, last = sorted(os.sched_getaffinity(0))
    assert last != first, "this needs two cores"

    with confined([first]) as words:
        answer = subprocess.check_output([*words, sys.executable, "-c", ASKS % last], text=True)

    assert answer.split("\n")[0] == f"[{first}]"
    assert not cgroups.folders(f"{PREFIX}{os.getpid()}-{first}")


def test_what_still_runs_is_ended() -> None:
    core = min(os.sched_getaffinity(0))
    with confined([core]) as words:
        process = subprocess.Popen([*words, "sleep", "600"])
        while not cgroups.process_ids(f"{PREFIX}{os.getpid()}-{core}"):
            assert process.poll() is None

    assert process.wait(10) != 0
