"""Whether a cluster is heard of: four states, with times that survive a restart of the hub.

```
Connected --silence--> Suspect --since the first loss--> Lost --contact--> Recovering --> Connected
                       Suspect --unbroken contact--> Connected   Recovering --a break--> Lost
```
Only a Connected cluster is given anything new. That the hub hears nothing says nothing about the
cluster's own clients, who may be served all the while.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from triton_operator.api.enums import ConnectionReason, ConnectionState


@dataclass(frozen=True)
class Heartbeat:
    """Seconds: how often a cluster says that it is there, and what silence means."""

    interval_seconds: float = 15.0
    suspect_after_seconds: float = 60.0
    lost_after_seconds: float = 300.0
    recover_for_seconds: float = 120.0

    @property
    def break_seconds(self) -> float:
        """Silence that breaks a contact: one heartbeat did not come."""
        return 1.5 * self.interval_seconds


@dataclass(frozen=True)
class Connection:
    """What is kept of one cluster, in its status. Times are the hub's own, seconds of its clock.

    `heard_at`: the last contact; None: there never was one. `lost_since`: since when nothing is
    heard, of the first of several losses; cleared by a whole recovery only. `unbroken_since`: since
    when there was contact without a break; None: it is broken. `flaps`: how often contact came back
    after a break.
    """

    state: ConnectionState = ConnectionState.LOST
    reason: ConnectionReason = ConnectionReason.NEVER_CONNECTED
    heard_at: float | None = None
    lost_since: float | None = None
    unbroken_since: float | None = None
    flaps: int = 0

    def age_seconds(self, now: float) -> float:
        """Since the last contact; infinite if there never was one."""
        return math.inf if self.heard_at is None else max(0.0, now - self.heard_at)


def shifted(connection: Connection, seconds: float) -> Connection:
    """The same connection by a clock that was put forward by that much."""

    def later(time: float | None) -> float | None:
        return None if time is None else time + seconds

    return replace(
        connection,
        heard_at=later(connection.heard_at),
        lost_since=later(connection.lost_since),
        unbroken_since=later(connection.unbroken_since),
    )


def heard(
    connection: Connection, now: float, heartbeat: Heartbeat, listening_since: float = -math.inf
) -> Connection:
    """The connection after a contact at `now`, the hub's time of receipt.

    A contact says too that there was none since the last one, so what that silence means comes
    first, however seldom somebody looked. `listening_since` is as in `observed`.
    """
    before = observed(connection, now, heartbeat, listening_since)
    if connection.heard_at is None:
        made = replace(before, unbroken_since=now)
    elif before.unbroken_since is None:
        made = replace(before, unbroken_since=now, flaps=before.flaps + 1)
    else:
        made = before
    made = replace(made, heard_at=now if made.heard_at is None else max(now, made.heard_at))
    if made.state is ConnectionState.CONNECTED:
        made = replace(made, lost_since=None)
    if made.state is ConnectionState.LOST:
        made = replace(made, state=ConnectionState.RECOVERING, reason=ConnectionReason.UNPROVEN)
    return observed(made, now, heartbeat, listening_since)


def observed(
    connection: Connection, now: float, heartbeat: Heartbeat, listening_since: float = -math.inf
) -> Connection:
    """The connection at `now`, with nothing new heard; it may cross two states at once.

    `listening_since`: when this hub began to listen. What it could not hear before is no silence of
    the cluster, so nothing is called Suspect or Lost until it has listened for
    `suspect_after_seconds`. A loss that was noted before keeps its time.
    """
    while (after := _step(connection, now, heartbeat, listening_since)) != connection:
        connection = after
    return connection


def _step(
    connection: Connection, now: float, heartbeat: Heartbeat, listening_since: float
) -> Connection:
    if connection.heard_at is None:
        return connection
    quiet_since = max(connection.heard_at, listening_since)
    quiet = now - quiet_since
    broken = quiet >= heartbeat.break_seconds
    if broken and (connection.unbroken_since is not None or connection.lost_since is None):
        since = quiet_since if connection.lost_since is None else connection.lost_since
        connection = replace(connection, lost_since=since, unbroken_since=None)
    listened = now - listening_since >= heartbeat.suspect_after_seconds
    recovered = (
        connection.unbroken_since is not None
        and now - max(connection.unbroken_since, listening_since) >= heartbeat.recover_for_seconds
    )
    match connection.state:
        case ConnectionState.CONNECTED:
            if quiet >= heartbeat.suspect_after_seconds:
                return replace(
                    connection, state=ConnectionState.SUSPECT, reason=ConnectionReason.SILENT
                )
        case ConnectionState.SUSPECT:
            if recovered:
                return _connected(connection)
            assert connection.lost_since is not None
            lost = now - connection.lost_since >= heartbeat.lost_after_seconds
            if lost and broken and listened:
                return replace(
                    connection, state=ConnectionState.LOST, reason=ConnectionReason.SILENT
                )
        case ConnectionState.RECOVERING:
            if recovered:
                return _connected(connection)
            if broken:
                return replace(
                    connection, state=ConnectionState.LOST, reason=ConnectionReason.BROKEN_AGAIN
                )
        case ConnectionState.LOST:
            pass
    return connection


def _connected(connection: Connection) -> Connection:
    return replace(
        connection,
        state=ConnectionState.CONNECTED,
        reason=ConnectionReason.HEARD,
        lost_since=None,
    )
