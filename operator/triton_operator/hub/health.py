"""What the hub's probes say. A restart has to be able to cure what makes it not alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.controllers.keys import Key
from triton_operator.controllers.queue import KeyQueue
from triton_operator.hub.following import Following

STUCK_SECONDS = 600.0
"""No look takes this long: each of its few requests ends after 30 s."""
UNFOLLOWED_SECONDS = 100.0
"""A restart of an API server is shorter."""


@dataclass(frozen=True)
class HubHealth:
    """Whether workers get on, and whether everything is followed."""

    queue: KeyQueue[Key]
    mirrors: Sequence[Following]

    def illnesses(self) -> list[str]:
        """Why the process should be restarted. An API server that is away is no illness of it."""
        seconds = self.queue.longest_running()
        if seconds <= STUCK_SECONDS:
            return []
        return [f"a worker has been busy with one object for {seconds:.0f} s"]

    def hindrances(self) -> list[str]:
        """Why nothing should rely on it: it does not know the fleet, or not any more."""
        found = []
        for one in self.mirrors:
            if not one.synced.is_set():
                found.append(f"the first listing of {one.kind.plural} is not complete")
            elif (seconds := one.outage_seconds()) > UNFOLLOWED_SECONDS:
                found.append(f"{one.kind.plural} have not been followed for {seconds:.0f} s")
        return found
