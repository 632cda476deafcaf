"""The status of a cluster: what of its connection outlives this process, and what people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from triton_operator.api import reasons as conditions
from triton_operator.api.conditions import (
    ConditionStatus,
    Finding,
    finding,
    known_conditions,
    merge_conditions,
)
from triton_operator.api.enums import ConnectionReason, ConnectionState
from triton_operator.api.inference_cluster import ClusterProfileReference
from triton_operator.controllers.times import epoch_seconds, rfc3339
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.connection import Connection
from triton_operator.fleet.credentials import credentials_valid
from triton_operator.fleet.data_plane import DataPlane
from triton_operator.fleet.member_facts import MemberFacts
from triton_operator.fleet.profile_labels import ProfileLook, read_labels

REFRESH_SECONDS = 60.0
"""What changes with every heartbeat is written that often: 500 clusters would be 33 writes/s."""
UNHEARD = (
    "the hub hears no endpoint of any cluster now, which is taken for a failure of its own "
    "network: requests stay where they are"
)
_VOLATILE = ("lastHeardTime", "lastHeartbeatTime", "network")


def persisted_connection(status: Mapping[str, Any]) -> Connection:
    """The connection as a hub has written it down; none of a cluster that nobody looked at yet."""
    state = status.get("connectionState")
    if state is None:
        return Connection()
    return Connection(
        state=ConnectionState(state),
        reason=ConnectionReason(status.get("connectionReason", ConnectionReason.UNPROVEN)),
        heard_at=_seconds(status.get("lastHeardTime")),
        lost_since=_seconds(status.get("lostSince")),
        unbroken_since=_seconds(status.get("unbrokenSince")),
        flaps=status.get("flaps", 0),
    )


@dataclass(frozen=True)
class ClusterLook:
    """What is known of a cluster when its status is made.

    `mailbox_problem`: why its mailbox is not as it should be; empty: it is. `profile_look`: what
    became of the last look at its `profile`; None: nobody has looked yet. `pushed`: whether the
    kubeconfig by which the hub reaches it is of use; None: it has an agent.
    """

    connection: Connection
    facts: MemberFacts
    generation: int
    paused: bool = False
    mailbox_problem: Finding | None = None
    data_plane: DataPlane = field(default_factory=DataPlane)
    profile: ClusterProfileReference | None = None
    profile_look: ProfileLook | None = None
    pushed: Finding | None = None


def cluster_status(look: ClusterLook, before: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The whole status. Where nothing but volatile parts differ from `before`, these stay as they
    were for `REFRESH_SECONDS`, so that equal means: nothing to write."""
    connection = look.connection
    findings = list(_findings(look, now))
    labels: dict[str, str] = {}
    if look.profile is not None:
        labels, its = read_labels(look.profile, look.profile_look, before)
        findings += [its] if its is not None else []
    times = {
        "lastHeardTime": connection.heard_at,
        "lostSince": connection.lost_since,
        "unbrokenSince": connection.unbroken_since,
    }
    merged = merge_conditions(findings, known_conditions(before), look.generation, rfc3339(now))
    status = {
        "observedGeneration": look.generation,
        "conditions": [one.wire() for one in merged],
        "connectionState": connection.state.value,
        "connectionReason": connection.reason.value,
        "flaps": connection.flaps,
        **{name: rfc3339(seconds) for name, seconds in times.items() if seconds is not None},
        **look.facts.shown(),
    }
    if labels:
        status["takenLabels"] = [{"key": key, "value": labels[key]} for key in sorted(labels)]
    last = _seconds(before.get("lastHeardTime"))
    stale = connection.heard_at is not None and (
        last is None or connection.heard_at - last >= REFRESH_SECONDS
    )
    if not stale and _steady(status) == _steady(before):
        return dict(before)
    return status


def _steady(status: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in status.items() if name not in _VOLATILE}


def _findings(look: ClusterLook, now: float) -> Iterable[Finding]:
    connected = _connected(look.connection, is_pushed=look.pushed is not None)
    yield _ready(look, connected)
    yield connected
    yield _data_plane(look.data_plane)
    yield _told(look.facts)
    yield look.pushed or credentials_valid(look.facts.token, now)


def _ready(look: ClusterLook, connected: Finding) -> Finding:
    if look.mailbox_problem is not None:
        return look.mailbox_problem
    if look.paused:
        return finding(
            conditions.READY,
            ConditionStatus.FALSE,
            reasons.PAUSED,
            "spec.paused is true: nothing is changed in this cluster",
        )
    return finding(conditions.READY, connected.status, connected.reason, connected.message)


def _connected(connection: Connection, *, is_pushed: bool) -> Finding:
    status = (
        ConditionStatus.TRUE
        if connection.state is ConnectionState.CONNECTED
        else ConditionStatus.FALSE
    )
    return finding(
        conditions.CONNECTED, status, connection.reason.value, _sentence(connection, is_pushed)
    )


def _sentence(connection: Connection, is_pushed: bool) -> str:
    where = "Look at CredentialsValid, and at the way to its API server"
    if not is_pushed:
        where = "Look at the agent and at the way to the hub"
    match connection.state:
        case ConnectionState.CONNECTED:
            return "it answers the hub" if is_pushed else "its agent is heard of"
        case ConnectionState.SUSPECT:
            return (
                f"not heard of since {_time(connection.lost_since)}: nothing new is placed here, "
                f"and what serves goes on. {where}"
            )
        case ConnectionState.RECOVERING:
            return (
                f"heard of again, after a loss at {_time(connection.lost_since)}; it is trusted "
                "once contact was unbroken for spec.heartbeat.recoverForSeconds"
            )
    if connection.heard_at is None and is_pushed:
        return f"it has never answered the hub. {where}"
    if connection.heard_at is None:
        return "its agent was never heard of: install it with `triton-operator cluster join`"
    return (
        f"lost since {_time(connection.lost_since)}: what it did for others goes elsewhere, and "
        f"its own demand as spec.placement.failover says. {where}"
    )


def _data_plane(found: DataPlane) -> Finding:
    match found.answers:
        case True:
            return finding(
                conditions.DATA_PLANE_HEALTHY,
                ConditionStatus.TRUE,
                reasons.ANSWERS,
                f"its endpoint answered until now; {UNHEARD}"
                if found.unheard
                else "its endpoint answers the hub",
            )
        case False:
            return finding(
                conditions.DATA_PLANE_HEALTHY,
                ConditionStatus.FALSE,
                reasons.SILENT_ENDPOINT,
                f"gets no requests of others: {found.said}",
            )
    why = found.said or "spec.dataPlane is not set, or was not asked yet"
    why = UNHEARD if found.unheard else why
    return finding(
        conditions.DATA_PLANE_HEALTHY,
        ConditionStatus.UNKNOWN,
        reasons.NOT_PROBED,
        f"nobody knows whether it answers: {why}",
    )


def _told(facts: MemberFacts) -> Finding:
    if facts.refused:
        return finding(
            reasons.REPORTS_ACCEPTED,
            ConditionStatus.FALSE,
            reasons.ABSURD_REPORT,
            f"not taken from its agent: {'; '.join(facts.refused)}",
        )
    return finding(
        reasons.REPORTS_ACCEPTED,
        ConditionStatus.TRUE,
        reasons.WITHIN_BOUNDS,
        "what its agent tells is within bounds",
    )


def _time(seconds: float | None) -> str:
    return "an unknown time" if seconds is None else rfc3339(seconds)


def _seconds(text: str | None) -> float | None:
    return None if text is None else epoch_seconds(text)
