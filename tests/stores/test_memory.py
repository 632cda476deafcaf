"""The container that fetches has 256 MiB; half of that has to do, whatever the store."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping

from tests.stores.command import Command
from tests.stores.stocked import ROWS, Stocked
from triton_operator.model.digest import model_digest

ALLOWED_MEBIBYTES = 128
# What the kernel tells of a child includes the moment in which it was still a copy of this process.
PROGRAM = """
import sys
from triton_operator.model.__main__ import main
code = main(sys.argv[1:])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
sys.exit(code)
"""


def test_a_fetch_needs_half_of_its_memory(
    stocked: Stocked, pod: Callable[[Mapping[str, str], str], Command]
) -> None:
    command = pod(stocked.secret, stocked.address)
    files = json.dumps([row.wire() for row in ROWS])
    argv = [
        *(sys.executable, "-c", PROGRAM, "fetch"),
        *command.shared(stocked.uri(stocked.address), stocked.endpoint(stocked.address)),
        *(f"--files={files}", f"--digest={model_digest(ROWS)}", f"--into={command.into}"),
    ]

    done = subprocess.run(argv, check=True, capture_output=True, text=True)

    mebibytes = int(done.stdout) >> 10
    print(f"{mebibytes} MiB at most")
    assert mebibytes < ALLOWED_MEBIBYTES
