"""When each cluster was heard of, by this hub's clock, and what that makes of its connection.

What follows from silence is adopted only once it is written down: a hub that cannot reach its own
API server does not hear its clusters either, and its silence is not theirs.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from triton_operator.fleet.connection import Connection, Heartbeat, heard, observed, shifted

logger = logging.getLogger(__name__)
STEP_SECONDS = 5.0
"""What a clock that is only set right gains from one look to the next is far less."""


class Contacts:
    """Connections by the names of clusters. `now` gives seconds since the epoch, `clock` seconds
    that never step.

    Times outlive this process only as those since the epoch, and somebody may put that clock: what
    it steps by is no silence.
    """

    def __init__(self, now: Callable[[], float], clock: Callable[[], float]) -> None:
        self._now = now
        self._clock = clock
        self._offset = now() - clock()
        self._listening_since = math.inf
        self._known: dict[str, Connection] = {}

    def listen(self) -> None:
        """Heartbeats are heard from now on: this hub has just begun, or could not hear for a while.

        What it could not hear before is no silence of the clusters.
        """
        self._follow_clock()
        self._listening_since = self._now()

    def forget_all(self) -> None:
        """What was persisted counts: another hub may have led."""
        self._known.clear()
        self._offset = self._now() - self._clock()

    def restore(self, cluster: str, persisted: Connection) -> None:
        """A cluster as its status has it, if this hub does not know it better."""
        self._known.setdefault(cluster, persisted)

    def forget(self, cluster: str) -> None:
        """The cluster is gone."""
        self._known.pop(cluster, None)

    def get(self, cluster: str) -> Connection | None:
        """The connection as it was adopted last."""
        return self._known.get(cluster)

    def heard(self, cluster: str, heartbeat: Heartbeat) -> None:
        """A heartbeat has just arrived, of a cluster that was restored before."""
        self._follow_clock()
        before = self._known.get(cluster)
        if before is not None and self._listening_since < math.inf:
            self._known[cluster] = heard(before, self._now(), heartbeat, self._listening_since)

    def observed(self, cluster: str, heartbeat: Heartbeat) -> Connection:
        """The connection of a restored cluster as it is now, to be written down and adopted."""
        self._follow_clock()
        before = self._known[cluster]
        if self._listening_since == math.inf:
            return before
        return observed(before, self._now(), heartbeat, self._listening_since)

    def adopt(self, cluster: str, before: Connection | None, after: Connection) -> bool:
        """Take what is written down now; False where a heartbeat came meanwhile."""
        if self._known.get(cluster) is not before:
            return False
        self._known[cluster] = after
        return True

    def _follow_clock(self) -> None:
        """Where the clock was put, or stood still with this process: times mean what they meant,
        and what could not be heard meanwhile is no silence."""
        step = self._now() - self._clock() - self._offset
        self._offset += step
        if abs(step) < STEP_SECONDS:
            return
        logger.warning("The clock has stepped.", extra={"seconds": round(step, 1)})
        self._known = {name: shifted(one, step) for name, one in self._known.items()}
        if self._listening_since < math.inf:
            self._listening_since = self._now()
