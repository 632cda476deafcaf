"""Conditions: observations with a reason, and a message that says what to do next."""

import contextlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field, ValidationError

from triton_operator.api.fields import ApiModel
from triton_operator.api.visible_text import visible

MESSAGE_LIMIT = 1024
"""Longest message, in characters: status stays small whatever a tool or a store answers."""


class ConditionStatus(StrEnum):
    """Kubernetes' three truth values."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """One observation about a resource (meta/v1 Condition)."""

    type: str = Field(
        min_length=1, max_length=316, description="What is observed, in CamelCase, such as Ready."
    )
    status: ConditionStatus = Field(description="Whether it is so: True, False or Unknown.")
    observed_generation: int | None = Field(
        None, ge=0, description="Generation of the spec that this was observed for."
    )
    last_transition_time: str = Field(
        max_length=32,
        description="When the status last changed.",
        json_schema_extra={"format": "date-time"},
    )
    reason: str = Field(
        pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        max_length=1024,
        description="Why, in one CamelCase word that programs can compare.",
    )
    message: str = Field(max_length=32768, description="What happened, and what to do next.")


def known_conditions(status: Mapping[str, Any]) -> list[Condition]:
    """The conditions of a status as it is on the wire, without rows that do not follow the API.

    Such a row is older than the definition in force, and is replaced like one that is absent.
    """
    known = []
    for row in status.get("conditions") or ():
        with contextlib.suppress(ValidationError):
            known.append(Condition.model_validate(row))
    return known


class Finding(ApiModel):
    """A condition before it is compared with the past: no times in it, so it is a pure result."""

    type: str
    status: ConditionStatus
    reason: str
    message: str = ""


def finding(type_: str, status: ConditionStatus, reason: str, message: str = "") -> Finding:
    """A finding from its parts in the order in which they are read."""
    return Finding(type=type_, status=status, reason=reason, message=message)


def merge_conditions(
    findings: Iterable[Finding], previous: Iterable[Condition], generation: int, now: str
) -> list[Condition]:
    """Findings as conditions; `lastTransitionTime` moves only where the status changed.

    `now` is RFC 3339. Rows keep the order of `findings`.
    """
    before = {condition.type: condition for condition in previous}
    return [
        Condition(
            type=finding.type,
            status=finding.status,
            observed_generation=generation,
            last_transition_time=(
                old.last_transition_time
                if (old := before.get(finding.type)) and old.status == finding.status
                else now
            ),
            reason=finding.reason,
            message=shortened(finding.message),
        )
        for finding in findings
    ]


def shortened(message: str, limit: int = MESSAGE_LIMIT) -> str:
    """`message`, cut in the middle when it is longer than `limit` characters: both ends matter.

    What a terminal would obey is replaced: a model or another cluster wrote parts of most messages.
    """
    if len(message) <= limit:
        return visible(message)
    half = (limit - 3) // 2
    return visible(f"{message[:half]}...{message[-half:]}")
