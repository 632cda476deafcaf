"""What `up` writes down so that a later `down`, in another process, removes exactly that."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.harness.errors import HarnessError
from e2e.harness.processes import Running

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
FILE_NAME = "record.json"


@dataclass
class Record:
    """A running or half-started cluster.

    `sysctls`, `chains`: the machine as it was before us. `processes`: in the order of their start.
    `complete`: `up` came to its end. `boot_id`: a record of an earlier boot speaks of nothing that
    still exists.
    """

    folder: Path
    sysctls: dict[str, str] = field(default_factory=dict)
    chains: dict[str, set[str]] = field(default_factory=dict)
    processes: list[Running] = field(default_factory=list)
    complete: bool = False
    boot_id: str = field(default_factory=lambda: BOOT_ID.read_text().strip())

    def add(self, process: Running) -> None:
        """Remember a started process, at once on disk; one of the same name is replaced."""
        self.processes = [p for p in self.processes if p.name != process.name] + [process]
        self.save()

    def save(self) -> None:
        """Write atomically."""
        document = {
            "bootId": self.boot_id,
            "complete": self.complete,
            "sysctls": self.sysctls,
            "chains": {family: sorted(names) for family, names in self.chains.items()},
            "processes": [process.record() for process in self.processes],
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".{FILE_NAME}"
        partial.write_text(json.dumps(document, indent=2))
        partial.rename(self.folder / FILE_NAME)

    @classmethod
    def load(cls, folder: Path) -> Record | None:
        """The record in `folder`, None when there is none. Raises HarnessError if damaged."""
        path = folder / FILE_NAME
        try:
            text = path.read_text()
        except FileNotFoundError:
            return None
        try:
            document: dict[str, Any] = json.loads(text)
            return cls(
                folder,
                sysctls=document["sysctls"],
                chains={family: set(names) for family, names in document["chains"].items()},
                processes=[Running.from_record(record) for record in document["processes"]],
                complete=document["complete"],
                boot_id=document["bootId"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise HarnessError(f"{path} is damaged ({error}); remove it and run `down`") from error

    def of_this_boot(self) -> bool:
        """Whether the machine has not been restarted since."""
        return self.boot_id == BOOT_ID.read_text().strip()
