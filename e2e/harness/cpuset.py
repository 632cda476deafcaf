"""A cpuset: what runs in it stays on its cores, whatever it asks for itself.

An affinity does not do that: ONNX Runtime binds its threads to all cores of the machine, also to
those that its process was started without.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from e2e.harness import cgroups
from e2e.harness.errors import HarnessError

PREFIX = "triton-operator-cores-"
_CANNOT = (
    "cannot make a cpuset, which keeps processes to their cores and needs root and cgroups that "
    "can be written"
)


@contextmanager
def confined(cores: Sequence[int]) -> Iterator[list[str]]:
    """Words to put before a command, which runs on these cores then, as long as the body runs.

    What still runs at the end is killed.

    Raises:
        HarnessError: no cpuset can be made here.
    """
    name = f"{PREFIX}{os.getpid()}-{'-'.join(map(str, cores))}"
    try:
        folder = _made(name, cores)
        yield ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(folder / "cgroup.procs")]
    finally:
        cgroups.kill_all(name)
        cgroups.remove(name)


def _made(name: str, cores: Sequence[int]) -> Path:
    try:
        cgroups.create(name)
        for folder in cgroups.folders(name):
            if (folder / "cpuset.cpus").exists():
                (folder / "cpuset.cpus").write_text(",".join(map(str, cores)))
                return folder
    except OSError as error:
        raise HarnessError(f"{_CANNOT}: {error}") from error
    raise HarnessError(f"{_CANNOT}: the kernel has no cpusets here")
