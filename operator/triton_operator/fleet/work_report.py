"""`InferenceWork.status`: what the agent tells of one work, from the service as it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triton_operator.api import reasons
from triton_operator.api.conditions import (
    ConditionStatus,
    Finding,
    finding,
    known_conditions,
    merge_conditions,
)
from triton_operator.fleet.decision_history import history_of
from triton_operator.fleet.work import most_replicas
from triton_operator.fleet.work_load import work_load

_VOLATILE = ("sequence", "load")
_OBSERVED_AT = "observedAt"


@dataclass(frozen=True)
class Told:
    """What is told of a work: `service` is the object that came from it, None: there is none.

    `room`: replicas that the cluster could start beside those that are ready; None: not known.
    """

    applied: Finding
    generation: int
    service: Mapping[str, Any] | None = None
    revision: int | None = None
    room: int | None = None


def work_status(told: Told, before: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The status without its sequence; `before` is the last one, `now` as in RFC 3339."""
    findings = [told.applied, *_of_operator(told)]
    conditions = merge_conditions(findings, known_conditions(before), told.generation, now)
    status: dict[str, Any] = {"conditions": [one.wire() for one in conditions]}
    if told.service is None:
        return status
    if told.revision:
        status["appliedRevision"] = told.revision
    most = most_replicas(told.service.get("spec") or {})
    if most is not None:
        status["appliedMaxReplicas"] = most
    load = work_load(told.service.get("status") or {}, told.room, most)
    if load is not None:
        status["load"] = {**load.wire(), _OBSERVED_AT: now}
    if history := history_of(told.service):
        status["decisions"] = [one.wire() for one in history]
    return status


def is_news(status: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a status says something else than the last one, times aside."""
    return _steady(status) != _steady(before)


def _steady(status: Mapping[str, Any]) -> dict[str, Any]:
    load, rows = status.get("load"), status.get("conditions") or ()
    return {
        **{name: part for name, part in status.items() if name not in _VOLATILE},
        "conditions": [{**row, "lastTransitionTime": ""} for row in rows],
        "load": load and {name: value for name, value in load.items() if name != _OBSERVED_AT},
    }


def _of_operator(told: Told) -> list[Finding]:
    """What the member's operator says of the service: Available, and whether every pod follows the
    spec that is in force. What it said of a former spec says nothing of this one."""
    if told.service is None:
        return []
    rows = {row.type: row for row in known_conditions(told.service.get("status") or {})}
    generation = (told.service.get("metadata") or {}).get("generation")
    found = []
    for type_ in (reasons.AVAILABLE, reasons.PROGRESSING):
        row = rows.get(type_)
        if row is None:
            said = "the cluster's operator has said nothing of it yet: does it run?"
            row_now = finding(type_, ConditionStatus.UNKNOWN, reasons.NOT_OBSERVED, said)
        elif type_ == reasons.PROGRESSING and row.observed_generation != generation:
            said = "the cluster's operator has not looked at this spec yet"
            row_now = finding(type_, ConditionStatus.UNKNOWN, reasons.NOT_OBSERVED, said)
        else:
            row_now = finding(type_, row.status, row.reason, row.message)
        found.append(row_now)
    return found
