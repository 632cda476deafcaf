"""How much memory the Triton beside this process has used at most, by the kernel's own account.

Where containers share a process namespace, /proc has the processes of all of them. `VmHWM` of a
process is the most memory that it ever had at once. Of Triton and the processes that it has
started (stubs of Python models) the sum is taken: what they share counts for each of them, and
their peaks need not have been at one time, so it is rather too much than too little.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SERVER = "tritonserver"
_KIBIBYTE = 1024


@dataclass(frozen=True)
class _Process:
    name: str
    parent: int
    peak_bytes: int


class ServerMemory:
    """Looks at Triton while a model is measured. `proc` is where the kernel shows processes."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._servers: list[frozenset[int]] = []

    def look(self) -> int | None:
        """Bytes that Triton used at most until now, from its start; None: they are not known.

        They are not where no Triton is seen, nor once another one is than at the first look: what
        has begun anew has not been through what was measured before.
        """
        processes = _processes(self._proc)
        servers = frozenset(pid for pid, one in processes.items() if one.name == SERVER)
        if servers not in self._servers:
            self._servers.append(servers)
        if not servers or len(self._servers) > 1:
            return None
        peaks = (
            one.peak_bytes for pid, one in processes.items() if _is_of(servers, pid, processes)
        )
        return sum(peaks) or None


def _is_of(servers: frozenset[int], pid: int, processes: Mapping[int, _Process]) -> bool:
    """Whether it is one of the servers, or was started by one, however many lie between."""
    passed: set[int] = set()
    while pid in processes and pid not in passed:
        if pid in servers:
            return True
        # A look is not one moment: a number may be given again while it lasts.
        passed.add(pid)
        pid = processes[pid].parent
    return False


def _processes(proc: Path) -> dict[int, _Process]:
    """Those that are there; one that ends meanwhile is left out."""
    found = {}
    for folder in proc.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            text = (folder / "status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        found[int(folder.name)] = _Process(
            name=rows.get("Name", "").strip(),
            parent=int(rows.get("PPid", "0")),
            # A process of the kernel, or one that has ended and is still listed, has none.
            peak_bytes=_KIBIBYTE * int(rows.get("VmHWM", "0 kB").split()[0]),
        )
    return found
