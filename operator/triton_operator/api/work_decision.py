"""`InferenceWork.status.decisions`: what a cluster's autoscaler decided, as its agent saw it."""

from datetime import datetime
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from triton_operator.api.fields import MOST_SEQUENCE, ApiModel, Replicas

MOST_DECISIONS = 30
WHY_LIMIT = 512
"""Characters of a reason: thirty of the usual length, some 150, have room in 8 KiB of JSON."""


def _real(time: str) -> str:
    """The pattern lets days pass that no month has; the API server does not."""
    datetime.fromisoformat(time)
    return time


class WorkDecision(ApiModel):
    """One change of the number of replicas."""

    number: int = Field(
        ge=1,
        le=MOST_SEQUENCE,
        description="Counts the changes of this service that the agent saw; older ones are "
        "forgotten, and no number is given twice.",
    )
    time: Annotated[str, AfterValidator(_real)] = Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
        max_length=20,
        description="When it was decided, by the cluster's own clock.",
        json_schema_extra={"format": "date-time"},
    )
    from_: Replicas = Field(alias="from", description="Replicas before.")
    to: Replicas = Field(description="Replicas after.")
    reason: str = Field(
        # A terminal would obey control characters.
        pattern=r"^[^\x00-\x1f\x7f-\x9f]*$",
        max_length=WHY_LIMIT,
        description="Why, in sentences.",
    )


def _in_order(rows: list[WorkDecision]) -> list[WorkDecision]:
    for before, after in pairwise(rows):
        if after.number <= before.number:
            raise ValueError(f"number {after.number} comes after {before.number}")
    return rows


WorkDecisions = Annotated[list[WorkDecision], AfterValidator(_in_order)]
"""From old to new: the numbers rise, so none is there twice."""
