"""The way from a member to its hub, judged by the member: as the hub judges the way back. Pure."""

from __future__ import annotations

from triton_operator.api.enums import ConnectionReason, ConnectionState
from triton_operator.fleet.connection import Connection, Heartbeat
from triton_operator.fleet.link_state import CUT

SUSPECT_AFTER_SECONDS = 60.0
RECOVER_FOR_SECONDS = 120.0
"""As a hub's defaults: the agent does not read what an InferenceCluster says."""


def heartbeat_of(every_seconds: float, after_seconds: float) -> Heartbeat:
    """What silence means to a service that asks for something `after_seconds` of it, where the hub
    is asked `every_seconds`."""
    suspect = max(min(SUSPECT_AFTER_SECONDS, after_seconds), 2 * every_seconds)
    return Heartbeat(
        interval_seconds=every_seconds,
        suspect_after_seconds=suspect,
        lost_after_seconds=max(after_seconds, suspect),
        recover_for_seconds=max(RECOVER_FOR_SECONDS, 2 * every_seconds),
    )


def begun(quiet_since: float, lost_since: float | None) -> Connection:
    """The way as an agent that has just started finds it: cut since `lost_since`, as it was written
    before, or not known to be. Then the silence counts from `quiet_since`."""
    if lost_since is not None:
        return Connection(
            state=ConnectionState.LOST,
            reason=ConnectionReason.SILENT,
            heard_at=lost_since,
            lost_since=lost_since,
        )
    return Connection(
        state=ConnectionState.CONNECTED,
        reason=ConnectionReason.HEARD,
        heard_at=quiet_since,
        unbroken_since=quiet_since,
    )


def word(way: Connection) -> str:
    """What is written of it. A silence that is no loss yet changes nothing, and is not written."""
    return way.state.value if way.state.value in CUT else ConnectionState.CONNECTED.value
